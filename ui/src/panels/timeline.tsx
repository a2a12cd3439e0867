/** States over time, a lane per series. The worse a state the taller its bar, so that it shows without colour. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { isLive, view, viewNow } from "../address";
import { seriesStatus, statusNow, useAgeing } from "../ageing";
import { beat } from "../clock";
import { cursor } from "../cursor";
import { spanUs } from "../frames";
import { type Mark, marks, marksAside, marksFor } from "../marks";
import { Canvas, type Sheet } from "../parts/canvas";
import { Leading } from "../parts/leading";
import { MOST_MARKS, MarkLines } from "../parts/mark-lines";
import { StatusMark } from "../parts/status";
import { type Lane, type Segment, lanesOf, tailOf } from "../segments";
import { openRows } from "../rows-behind";
import { homeOf, writing } from "../state";
import { SHAPES, rank } from "../status";
import { hatchPattern, palette, theme } from "../theme";
import { SECOND_US, durationText, momentText, splitText, stepFor, timeSplits } from "../time";
import type { Status } from "../wire";
import type { PanelProps } from "./index";
import { MARKS_PX, markSheet, marksAt } from "./marks-draw";

const AXIS_PX = 20;
/** No less than a finger or a pointer hits. */
const LEAST_LANE_PX = 24;
const MOST_LANE_PX = 34;
/** How far an arrow key leads along a lane. */
const KEY_STEP_PX = 8;
const TALL: Record<Status, number> = { up: 0.34, unknown: 0.5, degraded: 0.7, down: 1 };
const ME = Symbol("timeline");
/** A tip's height: of a state, and of each mark. */
const TIP_PX = 46;
const TIP_LINE_PX = 20;

/** What is under the pointer: a state, marks, or both. */
interface Hover {
  state: { lane: Lane; segment: Segment } | null;
  marked: readonly Mark[];
  x: number;
  width: number;
  top: number;
}

export function TimelinePanel({ panel, frame }: PanelProps): JSX.Element {
  useAgeing(frame);
  const [hover, setHover] = useState<Hover | null>(null);
  const lanes = useMemo(() => lanesOf(frame, writing(panel.options)), [frame, panel, view.value.zone]);
  const happened = useMemo(() => marksFor(lanes.map((lane) => lane.key)), [lanes, marks.value]);
  const room = panel.height * 40 - 8 - 32 - 34 - MARKS_PX - AXIS_PX;
  const laneHeight = Math.max(LEAST_LANE_PX, Math.min(MOST_LANE_PX, Math.floor(room / Math.max(1, lanes.length))));
  const height = MARKS_PX + laneHeight * lanes.length + AXIS_PX;
  const span = spanUs(frame, view.value.spanS * SECOND_US);
  const at = cursor.value;
  const found = (x: number, y: number, width: number): { us: number; lane: Lane | undefined; segment: Segment | undefined } => {
    const lane = lanes[Math.floor((y - MARKS_PX) / laneHeight)];
    const now = viewNow.peek();
    const us = now - (1 - x / width) * span;
    return { us, lane, segment: lane && [...lane.segments, ...tailOf(lane, now)].find((one) => one.startUs <= us && us < one.endUs) };
  };
  const point = (x: number, y: number, width: number): void => {
    const { us, lane, segment } = found(x, y, width);
    cursor.value = { us, owner: ME };
    const marked = marksAt(happened, x, width, viewNow.peek(), span);
    const state = lane && segment ? { lane, segment } : null;
    const tall = (state ? TIP_PX : 0) + Math.min(marked.length, MOST_MARKS + 1) * TIP_LINE_PX;
    setHover(state || marked.length ? { state, marked, x, width, top: Math.max(0, Math.min(y + 12, height - tall)) } : null);
  };
  const pick = (x: number, y: number, width: number): void => {
    const { lane, segment } = found(x, y, width);
    if (lane && segment?.status) openRows(panel, lane.key, Math.max(segment.startUs, frame.start_us), segment.endUs);
  };
  const leave = (): void => {
    cursor.value = null;
    setHover(null);
  };
  const present = [...new Set(lanes.flatMap((lane) => lane.segments.map((one) => one.status)))];
  const statuses = present.filter((status): status is Status => status !== null).sort((a, b) => rank(a) - rank(b));
  const summary = lanes.map((lane) => `${lane.label} ${lane.segments.at(-1)?.status === null ? "no data" : lane.segments.at(-1)?.text ?? ""}`).join(", ");
  const gone = at && at.owner !== ME ? 1 - (viewNow.peek() - at.us) / span : -1;
  return (
    <>
      <div class="lanes" style={{ display: "grid", gridTemplateColumns: "minmax(60px, max-content) 1fr", columnGap: "8px", alignContent: "start" }}>
        <ul class="lane-names" style={{ paddingTop: `${MARKS_PX}px` }}>
          {lanes.map((lane) => (
            <li key={lane.label} title={lane.label} style={{ height: `${laneHeight}px`, lineHeight: `${laneHeight}px` }}>
              <LaneMark lane={lane} /> <LaneName lane={lane} />
            </li>
          ))}
        </ul>
        <div style={{ position: "relative" }}>
          <Canvas height={height} label={`${panel.title}. Now: ${summary}${marksAside(happened)}. Arrow keys read single states, Enter shows the rows behind one.`} topPx={MARKS_PX} draw={(sheet) => drawLanes(sheet, lanes, laneHeight, span, happened)} changes={[lanes, happened, theme.value, view.value.zone, span]} onPoint={point} onLeave={leave} onPick={pick} step={{ x: KEY_STEP_PX, y: laneHeight }} />
          {gone >= 0 && gone <= 1 && <div aria-hidden="true" style={{ position: "absolute", top: 0, bottom: `${AXIS_PX}px`, left: `${gone * 100}%`, borderLeft: "1px solid var(--dim)" }} />}
          {hover && (
            <div class="tip" role="status" style={{ top: `${hover.top}px`, ...(hover.x > hover.width / 2 ? { right: `${hover.width - hover.x + 12}px` } : { left: `${hover.x + 12}px` }) }}>
              {hover.state && <StateText {...hover.state} />}
              {hover.marked.length > 0 && (
                <ul>
                  <MarkLines marks={hover.marked} />
                </ul>
              )}
            </div>
          )}
        </div>
      </div>
      <div class="shapes" aria-hidden="true">
        {statuses.map((status) => (
          <StatusMark key={status} status={status} />
        ))}
        {present.includes(null) && (
          <span class="status">
            <span class="box hatched" /> no data
          </span>
        )}
      </div>
    </>
  );
}

function StateText({ lane, segment }: { lane: Lane; segment: Segment }): JSX.Element {
  const when = (us: number): string => momentText(us, view.value.zone, beat.peek());
  return (
    <>
      <p class="when">
        {lane.label} · {when(segment.startUs)} – {when(segment.endUs)}
      </p>
      <p>
        {segment.status ? <StatusMark status={segment.status} word={segment.text} /> : <>No data: {segment.text}</>} <span class="dim">for {durationText(Math.round((segment.endUs - segment.startUs) / SECOND_US))}</span>
      </p>
    </>
  );
}

/** How the series is now, before its name: as its bar ends, when it is one of its numbers that is bad, which no bar shows. */
function LaneMark({ lane }: { lane: Lane }): JSX.Element | null {
  const last = lane.segments[lane.segments.length - 1]?.status;
  const isElsewhere = Boolean(lane.series?.about) && last;
  const status = isElsewhere && isLive.peek() ? statusNow(last, lane.series) : seriesStatus(lane.series);
  return status && <StatusMark quiet status={status} />;
}

function LaneName({ lane }: { lane: Lane }): JSX.Element {
  const home = homeOf(lane.key);
  return home ? <Leading change={home}>{lane.label}</Leading> : <>{lane.label}</>;
}

function drawLanes(sheet: Sheet, lanes: readonly Lane[], laneHeight: number, span: number, happened: readonly Mark[]): void {
  const { pen, width, nowUs } = sheet;
  markSheet(sheet, happened, span, lanes.length * laneHeight, palette.value);
  const x = (us: number): number => (1 - (nowUs - us) / span) * width;
  const hatch = hatchPattern(pen, palette.value.hatch, 1);
  lanes.forEach((lane, i) => {
    const middle = MARKS_PX + (i + 0.5) * laneHeight;
    for (const segment of [...lane.segments, ...tailOf(lane, nowUs)]) {
      const from = Math.max(0, Math.round(x(segment.startUs)));
      const until = Math.min(width, Math.round(x(segment.endUs)));
      if (until <= 0 || from >= width) continue;
      drawSegment(pen, segment, from, Math.max(1, until - from), middle, laneHeight - 6, hatch);
    }
  });
  drawTimes(sheet, MARKS_PX + lanes.length * laneHeight, span);
}

function drawSegment(pen: CanvasRenderingContext2D, segment: Segment, x: number, width: number, middle: number, tallest: number, hatch: CanvasPattern | string): void {
  if (segment.status === null) {
    pen.fillStyle = hatch;
    pen.fillRect(x, middle - tallest / 2, width, tallest);
    return;
  }
  const tall = Math.round(tallest * TALL[segment.status]);
  pen.fillStyle = palette.value.status[segment.status];
  pen.fillRect(x, middle - tall / 2, width, tall);
  if (segment.status === "up" || width < 16 || tall < 9) return;
  pen.fillStyle = palette.value.panel;
  pen.font = "bold 10px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(SHAPES[segment.status], x + Math.min(width / 2, 12), middle + 0.5);
}

/** Times below a picture whose right edge is now. */
export function drawTimes({ pen, width, nowUs }: Sheet, top: number, span: number): void {
  const { zone } = view.peek();
  const spanS = span / SECOND_US;
  const endS = nowUs / SECOND_US;
  const step = stepFor(spanS, Math.max(2, width / 80));
  pen.fillStyle = palette.value.dim;
  pen.strokeStyle = palette.value.line;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  for (const s of timeSplits(endS - spanS, endS, step, zone)) {
    const x = (1 - (endS - s) / spanS) * width;
    pen.textAlign = x < 24 ? "left" : x > width - 24 ? "right" : "center";
    pen.fillText(splitText(s, step, zone), x, top + 5);
    pen.fillRect(Math.round(x), top, 1, 3);
  }
}
