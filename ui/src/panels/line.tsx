/** Values over time. The right edge is now and moves once a second on all panels together. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { isLive, pan, unzoom, view, viewNow, zoom } from "../address";
import { useAgeing } from "../ageing";
import { nowUs } from "../clock";
import { cursor } from "../cursor";
import { spanUs } from "../frames";
import { type Grid, type Trace, currentValue, newestSlot } from "../grid";
import { isLog, isUsuallyLog } from "../log-axis";
import { marks, marksAside } from "../marks";
import { isStale } from "../status";
import { Legend } from "../parts/legend";
import { Tooltip } from "../parts/tooltip";
import { byName } from "../order";
import { rankTraces } from "../rank";
import { openRows } from "../rows-behind";
import { writing } from "../state";
import { palette, theme } from "../theme";
import { SECOND_US, pixelUs, spanText } from "../time";
import { inTurn, outOfTurn } from "../turns";
import { writeText } from "../units";
import type { Panel } from "../wire";
import type { PanelProps } from "./index";
import { chartMarks } from "./grid-table";
import { LineChart, type Picture } from "./line-chart";
import { holesOf, lookOf } from "./line-draw";

/** What a bucket adds up is too little while the bucket is still filling. */
const ADDED_UP = new Set(["count", "sum", "delta", "rate", "time_in_state"]);

function addsUp(panel: Panel): boolean {
  const measures = panel.query?.["measures"];
  return Array.isArray(measures) && measures.some((one: { function?: string }) => ADDED_UP.has(one.function ?? ""));
}

/** What is new at the right edge and narrower than a pixel of the screen waits for the picture's next move, and no longer than this; the legend tells its value at once. */
const NEWS_WAIT_US = 2.5 * SECOND_US;

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

function Chart({ dashboard, panel, frame, grid }: PanelProps): JSX.Element {
  const late = useAgeing(frame);
  const [alone, setAlone] = useState<ReadonlySet<string>>(new Set());
  const [hover, setHover] = useState<Hover | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const values = grid as Grid;
  const unit = panel.unit ?? null;
  const place = `${dashboard.id}/${panel.id}`;
  const ranked = useMemo(() => rankTraces([...values.traces.values()], viewNow.peek()), [frame]);
  const chosen = alone.size ? ranked.drawn.filter((trace) => alone.has(trace.id)) : ranked.drawn;
  const shown = chosen.length ? chosen : ranked.drawn;
  const rest = alone.size && chosen.length ? [] : ranked.rest;
  const holes = holesOf(shown, (trace) => lookOf(trace.id, palette.value).colour, palette.value.hatch);
  const isByTens = isLog(place, isUsuallyLog(panel));
  const happened = chartMarks(panel, values);
  const named = useMemo(() => [...ranked.drawn].sort((a, b) => byName(a.label, b.label)), [ranked]);

  const picture = (nowUs: number): Picture => ({
    grid: values,
    drawn: shown,
    rest,
    holes,
    marks: happened,
    isDim: (trace) => view.peek().endUs === null && trace.series !== null && isStale(trace.series, nowUs),
    startS: (nowUs - spanUs(frame, view.peek().spanS * SECOND_US)) / SECOND_US,
    endS: nowUs / SECOND_US,
    asOfUs: isLive.peek() ? nowUs : frame.as_of_us,
    isBars: panel.options?.["style"] === "bars",
    isLog: isByTens,
    unit: unit ?? shown[0]?.unit ?? null,
    zone: view.peek().zone,
  });
  const pick = (trace: Trace, slot: number): void => openRows(panel, trace.key, values.timeUs(slot), values.timeUs(slot) + values.bucketUs);
  const chart = useChart(box, picture, [frame, alone, late, view.value.zone, view.value.spanS, theme.value, unit, isByTens, marks.value], { hover: setHover, pick }, values);
  const width = hover ? (box.current?.clientWidth ?? 0) : 0;
  const asOfUs = isLive.value ? viewNow.peek() : frame.as_of_us;
  const wholeUntilUs = addsUp(panel) ? asOfUs : Infinity;
  const summary = named.map((trace) => `${trace.label} ${writeText(currentValue(values, trace, wholeUntilUs), unit ?? trace.unit, writing())}`).join(", ");
  return (
    <>
      <div
        class="chart"
        role="img"
        tabIndex={0}
        aria-label={`${panel.title}, last ${spanText(view.value.spanS)}: ${summary}${marksAside(happened)}. Arrow keys read single values; the table is behind the age button.`}
        onKeyDown={(event) => moveByKey(event, hover, values, (slot) => setHover({ slot, left: chart.current?.place(slot) ?? 0 }))}
        onBlur={() => setHover(null)}
      >
        <div class="plot" ref={box} />
        {hover && <Tooltip grid={values} traces={shown} rest={rest} holes={holes} marks={chart.current?.marksNear(hover.left) ?? []} slot={hover.slot} left={hover.left + (chart.current?.offsetLeft ?? 0)} width={width} unit={unit} asOfUs={asOfUs} />}
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
  on: { hover: (hover: Hover | null) => void; pick: (trace: Trace, slot: number) => void },
  grid: Grid,
): { current: LineChart | null } {
  const chart = useRef<LineChart | null>(null);
  const state = useRef({ isSeen: true, isOver: false, hasNews: false, drawnAt: 0, widthPx: 1 }).current;
  const newest = useRef({ picture, grid, on });
  newest.current = { picture, grid, on };

  const draw = (nowUs: number): void => {
    if (!chart.current || !state.isSeen) return;
    [state.drawnAt, state.hasNews] = [nowUs, false];
    chart.current.draw(newest.current.picture(nowUs));
  };

  useEffect(() => {
    const element = box.current as HTMLDivElement;
    state.widthPx = element.clientWidth;
    const made = new LineChart(element, element.clientWidth, element.clientHeight, {
      point: (slot, left) => {
        if (!state.isOver) return;
        newest.current.on.hover(slot === null ? null : { slot, left });
        cursor.value = slot === null ? null : { us: newest.current.grid.timeUs(slot), owner: state };
      },
      zoom: (startS, endS) => zoom(startS * SECOND_US, endS * SECOND_US),
      unzoom,
      pan: (seconds) => pan(seconds, nowUs()),
      pick: (trace, slot) => newest.current.on.pick(trace, slot),
    });
    chart.current = made;
    const enter = (): void => void (state.isOver = true);
    const leave = (): void => {
      state.isOver = false;
      newest.current.on.hover(null);
      cursor.value = null;
    };
    element.addEventListener("mouseenter", enter);
    element.addEventListener("mouseleave", leave);
    const sizes = new ResizeObserver(() => {
      const { clientWidth, clientHeight } = element;
      if (!made.resize(clientWidth, clientHeight)) return;
      state.widthPx = clientWidth;
      draw(viewNow.peek());
    });
    const sight = new IntersectionObserver(([entry]) => {
      const isSeen = entry?.isIntersecting ?? true;
      if (isSeen === state.isSeen) return;
      state.isSeen = isSeen;
      draw(viewNow.peek());
    });
    sizes.observe(element);
    sight.observe(element);
    return () => {
      sizes.disconnect();
      sight.disconnect();
      outOfTurn(state);
      made.destroy();
      chart.current = null;
    };
  }, []);

  const isDue = (nowUs: number): boolean => {
    const pastUs = Math.abs(nowUs - state.drawnAt);
    return pastUs >= pixelUs(view.peek().spanS, state.widthPx) || (state.hasNews && pastUs >= NEWS_WAIT_US);
  };
  const drawSoon = (): void => inTurn(state, () => draw(viewNow.peek()));
  const [frame, ...others] = changes;
  useEffect(() => {
    state.hasNews = true;
    if (!state.drawnAt || !isLive.peek() || isDue(nowUs())) drawSoon();
  }, [frame]);
  useEffect(() => void (state.drawnAt && drawSoon()), others);
  useSignalEffect(() => {
    if (isDue(viewNow.value)) drawSoon();
  });
  useSignalEffect(() => {
    const at = cursor.value;
    if (at?.owner !== state && state.isSeen) chart.current?.follow(at ? at.us / SECOND_US : null);
  });
  return chart;
}
