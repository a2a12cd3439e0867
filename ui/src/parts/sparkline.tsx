/** A small curve without axes: the shape of the recent past. It breaks where values are missing. */

import type { JSX } from "preact";
import { breaks, newestSlot, type Grid, type Trace } from "../grid";
import { writeText } from "../units";
import { writing } from "../state";

const WIDTH = 100;
const HEIGHT = 20;

/** An SVG path over a box of 100 × 20; null when there is nothing to draw. */
export function sparkPath(grid: Grid, trace: Trace): { path: string; low: number; high: number } | null {
  const present = trace.values.filter((value) => !Number.isNaN(value));
  if (!present.length) return null;
  const [low, high] = [Math.min(...present), Math.max(...present)];
  const begins = breaks(grid, trace);
  const x = (slot: number): string => ((slot / Math.max(1, grid.length - 1)) * WIDTH).toFixed(1);
  const y = (value: number): string => (high === low ? HEIGHT / 2 : HEIGHT - 1 - ((value - low) / (high - low)) * (HEIGHT - 2)).toFixed(1);
  let path = "";
  for (let slot = 0; slot < grid.length; slot++) {
    const value = trace.values[slot] as number;
    if (!Number.isNaN(value)) path += `${begins[slot] ? "M" : "L"}${x(slot)} ${y(value)}`;
  }
  return { path, low, high };
}

export function Sparkline({ grid, trace }: { grid: Grid; trace: Trace | undefined }): JSX.Element | null {
  const drawn = trace && sparkPath(grid, trace);
  if (!drawn || !trace) return null;
  const how = writing();
  const label = `from ${writeText(drawn.low, trace.unit, how)} to ${writeText(drawn.high, trace.unit, how)}, now ${writeText(trace.values[newestSlot(trace.values)], trace.unit, how)}`;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <path d={drawn.path} />
    </svg>
  );
}
