/** A canvas that is sharp on every screen, is drawn when data or time has moved, and rests while out of sight. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { view, viewNow } from "../address";
import { pixelUs } from "../time";
import { inTurn, outOfTurn } from "../turns";

export interface Sheet {
  pen: CanvasRenderingContext2D;
  /** Size in CSS pixels; the pen is scaled. */
  width: number;
  height: number;
  nowUs: number;
}

interface Props {
  /** Height in CSS pixels; null fills the box. */
  height: number | null;
  label: string;
  draw(sheet: Sheet): void;
  /** Whatever else the picture depends on. */
  changes: readonly unknown[];
  onPoint?(x: number, y: number, width: number): void;
  onLeave?(): void;
  /** A click, or Enter where the arrow keys have led. */
  onPick?(x: number, y: number, width: number): void;
  /** How far an arrow key leads, in CSS pixels; without it no key leads anywhere. */
  step?: { x: number; y: number };
  /** Where the first row begins, in CSS pixels from the top. */
  topPx?: number;
}

const KEYS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function Canvas({ height, label, draw, changes, onPoint, onLeave, onPick, step, topPx = 0 }: Props): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(draw);
  newest.current = draw;
  const state = useRef<{ isSeen: boolean; drawnAt: number; width: number; height: number; key: { x: number; y: number } | null }>({ isSeen: true, drawnAt: 0, width: 0, height: 0, key: null }).current;

  const paint = (nowUs: number): void => {
    const element = canvas.current;
    const pen = element?.getContext("2d");
    if (!element || !pen || !state.isSeen) return;
    const { width, height: tall } = state;
    const ratio = devicePixelRatio || 1;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(tall * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(tall * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, tall);
    state.drawnAt = nowUs;
    newest.current({ pen, width, height: tall, nowUs });
  };

  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const isNew = ({ clientWidth, clientHeight }: HTMLElement): boolean => {
      if (clientWidth === state.width && clientHeight === state.height) return false;
      [state.width, state.height] = [clientWidth, clientHeight];
      return true;
    };
    isNew(element);
    const sizes = new ResizeObserver(() => isNew(element) && paint(viewNow.peek()));
    const sight = new IntersectionObserver(([entry]) => {
      const isSeen = entry?.isIntersecting ?? true;
      if (isSeen === state.isSeen) return;
      state.isSeen = isSeen;
      paint(viewNow.peek());
    });
    sizes.observe(element);
    sight.observe(element);
    return () => {
      outOfTurn(state);
      sizes.disconnect();
      sight.disconnect();
    };
  }, []);
  useEffect(() => inTurn(state, () => paint(viewNow.peek())), [...changes, height]);
  useSignalEffect(() => {
    const nowUs = viewNow.value;
    if (Math.abs(nowUs - state.drawnAt) >= pixelUs(view.peek().spanS, state.width)) inTurn(state, () => paint(viewNow.peek()));
  });
  const place = (event: MouseEvent, to: Props["onPoint"]): void => {
    const rect = (event.currentTarget as HTMLElement).getBoundingClientRect();
    to?.(event.clientX - rect.left, event.clientY - rect.top, rect.width);
  };
  const press = (event: KeyboardEvent): void => {
    const { clientWidth: width, clientHeight: tall } = event.currentTarget as HTMLElement;
    const from = state.key ?? { x: width - (step?.x ?? 0) / 2, y: -1 };
    if (event.key === "Enter" && state.key) return onPick?.(state.key.x, state.key.y, width);
    const [x, y] = KEYS[event.key] ?? [0, 0];
    if (!step || (!x && !y)) return;
    event.preventDefault();
    const top = from.y < 0 ? topPx + step.y / 2 : Math.max(topPx + step.y / 2, from.y + y * step.y);
    state.key = { x: Math.max(0, Math.min(width - 1, from.x + x * step.x)), y: Math.max(1, Math.min(tall - 1, top)) };
    onPoint?.(state.key.x, state.key.y, width);
  };
  const blur = (): void => {
    state.key = null;
    onLeave?.();
  };
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={label}
      tabIndex={step ? 0 : undefined}
      style={{ height: height === null ? "100%" : `${height}px`, width: "100%", display: "block", ...(onPick ? { cursor: "pointer" } : {}) }}
      onMouseMove={(event) => place(event, onPoint)}
      onMouseLeave={() => onLeave?.()}
      onClick={(event) => place(event, onPick)}
      onKeyDown={press}
      onBlur={blur}
    />
  );
}
