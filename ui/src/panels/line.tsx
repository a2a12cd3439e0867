/** Values over time. The right edge is now and moves once a second on all panels together. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { isLive, unzoom, view, viewNow, zoom } from "../address";
import { useAgeing } from "../ageing";
import { cursor } from "../cursor";
import { spanUs } from "../frames";
import { type Grid, currentValue, newestSlot } from "../grid";
import { isStale } from "../status";
import { Legend } from "../parts/legend";
import { Tooltip } from "../parts/tooltip";
import { rankTraces } from "../rank";
import { writing } from "../state";
import { palette, theme } from "../theme";
import { SECOND_US, spanText } from "../time";
import { writeText } from "../units";
import type { Panel } from "../wire";
import type { PanelProps } from "./index";
import { LineChart, type Picture } from "./line-chart";
import { holesOf, lookOf } from "./line-draw";

/** What a bucket adds up is too little while the bucket is still filling. */
const ADDED_UP = new Set(["count", "sum", "delta", "rate", "time_in_state"]);

function addsUp(panel: Panel): boolean {
  const measures = panel.query?.["measures"];
  return Array.isArray(measures) && measures.some((one: { function?: string }) => ADDED_UP.has(one.function ?? ""));
}

/** A picture is drawn anew for time alone when it has moved by this much of a pixel. */
const LEAST_MOVE_PX = 0.5;

interface Hover {
  slot: number;
  left: number;
}

export function LinePanel(props: PanelProps): JSX.Element {
  const { panel, grid } = props;
  const hasValue = [...(grid?.traces.values() ?? [])].some((trace) => newestSlot(trace.values) >= 0);
  return hasValue ? <Chart {...props} /> : <AllNull sentence={panel.options?.["all_null"]} />;
}

/** Rows came, and none of them has a value: that is neither a zero nor silence. */
function AllNull({ sentence }: { sentence: unknown }): JSX.Element {
  return <div class="note">{typeof sentence === "string" ? sentence : "Rows came in this range, none of them with a value."}</div>;
}

function Chart({ panel, frame, grid }: PanelProps): JSX.Element {
  const late = useAgeing(frame);
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const [hover, setHover] = useState<Hover | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const values = grid as Grid;
  const unit = panel.unit ?? null;
  const ranked = useMemo(() => rankTraces([...values.traces.values()], viewNow.peek()), [frame]);
  const chosen = alone.size ? ranked.drawn.filter((trace) => alone.has(trace.id)) : ranked.drawn;
  const shown = chosen.length ? chosen : ranked.drawn;
  const rest = alone.size && chosen.length ? [] : ranked.rest;
  const holes = holesOf(shown, (trace) => lookOf(trace.id, palette.value).colour, palette.value.hatch);
  const named = useMemo(() => [...ranked.drawn].sort((a, b) => a.label.localeCompare(b.label, "en", { numeric: true })), [ranked]);

  const picture = (nowUs: number): Picture => ({
    grid: values,
    drawn: shown,
    rest,
    holes,
    isDim: (trace) => view.peek().endUs === null && trace.series !== null && isStale(trace.series, nowUs),
    startS: (nowUs - spanUs(frame, view.peek().spanS * SECOND_US)) / SECOND_US,
    endS: nowUs / SECOND_US,
    asOfUs: isLive.peek() ? nowUs : frame.as_of_us,
    isBars: panel.options?.["style"] === "bars",
    unit: unit ?? shown[0]?.unit ?? null,
    zone: view.peek().zone,
  });
  const chart = useChart(box, picture, [frame, alone, late, view.value.zone, view.value.spanS, theme.value, unit], setHover, values);
  const width = box.current?.clientWidth ?? 0;
  const asOfUs = isLive.value ? viewNow.peek() : frame.as_of_us;
  const wholeUntilUs = addsUp(panel) ? asOfUs : Infinity;
  const summary = named.map((trace) => `${trace.label} ${writeText(currentValue(values, trace, wholeUntilUs), unit ?? trace.unit, writing())}`).join(", ");
  return (
    <>
      <div
        class="chart"
        role="img"
        tabIndex={0}
        aria-label={`${panel.title}, last ${spanText(view.value.spanS)}: ${summary}. Arrow keys read single values; the table is behind the age button.`}
        onKeyDown={(event) => moveByKey(event, hover, values, (slot) => setHover({ slot, left: chart.current?.place(slot) ?? 0 }))}
        onBlur={() => setHover(null)}
      >
        <div class="plot" ref={box} />
        {hover && <Tooltip grid={values} traces={shown} rest={rest} holes={holes} slot={hover.slot} left={hover.left + (chart.current?.offsetLeft ?? 0)} width={width} unit={unit} asOfUs={asOfUs} />}
      </div>
      <Legend grid={values} traces={named} restCount={ranked.rest.length} unit={unit} wholeUntilUs={wholeUntilUs} alone={alone} onAlone={setAlone} />
    </>
  );
}

function moveByKey(event: KeyboardEvent, hover: Hover | null, grid: Grid, to: (slot: number) => void): void {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  to(Math.max(0, Math.min(grid.length - 1, (hover?.slot ?? grid.length - 1) + by)));
}

/** The chart in its box: made once, drawn when data or time has moved, idle while out of sight. */
function useChart(
  box: { current: HTMLDivElement | null },
  picture: (nowUs: number) => Picture,
  changes: readonly unknown[],
  onHover: (hover: Hover | null) => void,
  grid: Grid,
): { current: LineChart | null } {
  const chart = useRef<LineChart | null>(null);
  const state = useRef({ isSeen: true, isOver: false, drawnAt: 0, me: Symbol("line") }).current;
  const newest = useRef({ picture, grid });
  newest.current = { picture, grid };

  const draw = (nowUs: number): void => {
    if (!chart.current || !state.isSeen) return;
    state.drawnAt = nowUs;
    chart.current.draw(newest.current.picture(nowUs));
  };

  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const made = new LineChart(element, element.clientWidth, element.clientHeight, {
      point: (slot, left) => {
        if (!state.isOver) return;
        onHover(slot === null ? null : { slot, left });
        cursor.value = slot === null ? null : { us: newest.current.grid.timeUs(slot), owner: state.me };
      },
      zoom: (startS, endS) => zoom(startS * SECOND_US, endS * SECOND_US),
      unzoom,
    });
    chart.current = made;
    const enter = (): void => void (state.isOver = true);
    const leave = (): void => {
      state.isOver = false;
      onHover(null);
      cursor.value = null;
    };
    element.addEventListener("mouseenter", enter);
    element.addEventListener("mouseleave", leave);
    const sizes = new ResizeObserver(() => {
      made.resize(element.clientWidth, element.clientHeight);
      draw(viewNow.peek());
    });
    const sight = new IntersectionObserver(([entry]) => {
      state.isSeen = entry?.isIntersecting ?? true;
      draw(viewNow.peek());
    });
    sizes.observe(element);
    sight.observe(element);
    return () => {
      sizes.disconnect();
      sight.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, []);

  useEffect(() => draw(viewNow.peek()), changes);
  useSignalEffect(() => {
    const nowUs = viewNow.value;
    const pixelUs = (view.peek().spanS * SECOND_US) / Math.max(1, box.current?.clientWidth ?? 1);
    if (Math.abs(nowUs - state.drawnAt) >= pixelUs * LEAST_MOVE_PX) draw(nowUs);
  });
  useSignalEffect(() => {
    const at = cursor.value;
    if (at?.owner !== state.me && state.isSeen) chart.current?.follow(at ? at.us / SECOND_US : null);
  });
  return chart;
}
