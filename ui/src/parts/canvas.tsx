/** A canvas that is sharp on every screen, is drawn when data or time has moved, and rests while out of sight. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { view, viewNow } from "../address";
import { SECOND_US } from "../time";

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
}

const LEAST_MOVE_PX = 0.5;

export function Canvas({ height, label, draw, changes, onPoint, onLeave }: Props): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useRef(draw);
  newest.current = draw;
  const state = useRef({ isSeen: true, drawnAt: 0 }).current;

  const paint = (nowUs: number): void => {
    const element = canvas.current;
    const pen = element?.getContext("2d");
    if (!element || !pen || !state.isSeen) return;
    const { clientWidth: width, clientHeight } = element;
    const ratio = devicePixelRatio || 1;
    if (element.width !== Math.round(width * ratio) || element.height !== Math.round(clientHeight * ratio)) {
      element.width = Math.round(width * ratio);
      element.height = Math.round(clientHeight * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, clientHeight);
    state.drawnAt = nowUs;
    newest.current({ pen, width, height: clientHeight, nowUs });
  };

  useEffect(() => {
    const element = canvas.current as HTMLCanvasElement;
    const sizes = new ResizeObserver(() => paint(viewNow.peek()));
    const sight = new IntersectionObserver(([entry]) => {
      state.isSeen = entry?.isIntersecting ?? true;
      paint(viewNow.peek());
    });
    sizes.observe(element);
    sight.observe(element);
    return () => {
      sizes.disconnect();
      sight.disconnect();
    };
  }, []);
  useEffect(() => paint(viewNow.peek()), [...changes, height]);
  useSignalEffect(() => {
    const nowUs = viewNow.value;
    const pixelUs = (view.peek().spanS * SECOND_US) / Math.max(1, canvas.current?.clientWidth ?? 1);
    if (Math.abs(nowUs - state.drawnAt) >= pixelUs * LEAST_MOVE_PX) paint(nowUs);
  });
  const move = (event: MouseEvent): void => {
    const rect = (event.currentTarget as HTMLElement).getBoundingClientRect();
    onPoint?.(event.clientX - rect.left, event.clientY - rect.top, rect.width);
  };
  return (
    <canvas ref={canvas} role="img" aria-label={label} style={{ height: height === null ? "100%" : `${height}px`, width: "100%", display: "block" }} onMouseMove={move} onMouseLeave={() => onLeave?.()} />
  );
}
