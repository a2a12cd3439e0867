/** Exact values under the pointer. */

import type { JSX } from "preact";
import { view } from "../address";
import { beat } from "../clock";
import type { Grid, Trace } from "../grid";
import type { Mark } from "../marks";
import { type DrawnHole, lookOf, nullReason } from "../panels/line-draw";
import { writing } from "../state";
import { palette } from "../theme";
import { momentText } from "../time";
import { NO_VALUE, type Writing, writeText } from "../units";
import { Swatch } from "./legend";
import { MarkLines } from "./mark-lines";

const MOST_LINES = 12;

interface Props {
  grid: Grid;
  traces: readonly Trace[];
  rest: readonly Trace[];
  holes: readonly DrawnHole[];
  /** Marks at the pointer. */
  marks: readonly Mark[];
  slot: number;
  /** Pointer in CSS pixels from the left of the box, and the width of the box. */
  left: number;
  width: number;
  unit: string | null;
  asOfUs: number;
}

/** The value that the line has at a slot: its own, or the last one while the next is not due yet. */
export function valueAt(grid: Grid, trace: Trace, slot: number): number {
  const reach = grid.bucketUs ? Math.ceil((trace.series?.expected_us ?? grid.bucketUs) / grid.bucketUs) : 0;
  for (let at = slot; at >= Math.max(0, slot - reach); at--) {
    const value = trace.values[at] as number;
    if (!Number.isNaN(value)) return value;
    if (nullReason(grid, trace, at) || isInHole(grid, trace, at)) return NaN;
  }
  return NaN;
}

function isInHole(grid: Grid, trace: Trace, slot: number): boolean {
  const us = grid.timeUs(slot);
  return trace.series?.holes?.some((hole) => hole.start_us <= us && us < hole.end_us) ?? false;
}

/** The extremes of the bucket under the pointer, where they differ. */
function edgeText(trace: Trace, slot: number, unit: string | null, how: Writing): string {
  const [low, high] = [trace.edges?.low[slot] ?? NaN, trace.edges?.high[slot] ?? NaN];
  return low < high ? ` (${writeText(low, unit ?? trace.unit, how)} to ${writeText(high, unit ?? trace.unit, how)})` : "";
}

export function Tooltip({ grid, traces, rest, holes, marks, slot, left, width, unit, asOfUs }: Props): JSX.Element {
  const how = writing();
  const us = grid.timeUs(slot);
  const lines = traces.map((trace) => ({ trace, value: valueAt(grid, trace, slot) }));
  lines.sort((a, b) => (Number.isNaN(b.value) ? -Infinity : b.value) - (Number.isNaN(a.value) ? -Infinity : a.value) || 0);
  const isFilling = grid.bucketUs > 0 && us + grid.bucketUs > asOfUs;
  const others = rest.map((trace) => valueAt(grid, trace, slot)).filter((value) => !Number.isNaN(value));
  const side = left > width / 2 ? { right: `${width - left + 14}px` } : { left: `${left + 14}px` };
  return (
    <div class="tip" style={{ top: "6px", ...side }} role="status">
      <p class="when">
        {momentText(us, view.value.zone, beat.peek())}
        {isFilling ? " · still filling" : ""}
      </p>
      <ul>
        {lines.slice(0, MOST_LINES).map(({ trace, value }) => (
          <li key={trace.id}>
            <Swatch look={lookOf(trace.id, palette.value)} />
            <span>{trace.label}</span>
            <span>
              {Number.isNaN(value) ? `${NO_VALUE} ${nullReason(grid, trace, slot)}` : writeText(value, unit ?? trace.unit, how)}
              {edgeText(trace, slot, unit, how)}
            </span>
          </li>
        ))}
        {lines.length > MOST_LINES && <li class="dim">and {lines.length - MOST_LINES} more lines</li>}
        {others.length > 0 && (
          <li class="dim">
            <span>{others.length} in grey</span>
            <span>
              {writeText(Math.min(...others), unit ?? rest[0]?.unit, how)} to {writeText(Math.max(...others), unit ?? rest[0]?.unit, how)}
            </span>
          </li>
        )}
        <MarkLines marks={marks} />
        {holes
          .filter((hole) => hole.startUs < us + Math.max(grid.bucketUs, 1) && us <= hole.endUs)
          .map((hole) => (
            <li key={hole.why + hole.startUs}>
              <span class="hatched swatch" />
              <span class="why">
                {hole.labels.length > 2 ? `${hole.labels.length} series` : hole.labels.join(", ")}: {hole.why}, {momentText(hole.startUs, view.value.zone, beat.peek())} – {momentText(hole.endUs, view.value.zone, beat.peek())}
              </span>
            </li>
          ))}
      </ul>
    </div>
  );
}
