/** Amounts per bucket as bars: side by side where there is room, else the taller behind the shorter. */

import type { Grid, Trace } from "../grid";
import type { Frame2d, Look } from "./line-draw";

interface Bars {
  grid: Grid;
  drawn: readonly Trace[];
  isDim(trace: Trace): boolean;
}

const LEAST_PX = 2;
/** A measured zero is a stub on the axis; a bucket without a row has nothing. */
const ZERO_PX = 1.5;

export function drawBars({ grid, drawn, isDim }: Bars, to: Frame2d, lookOf: (trace: Trace) => Look): void {
  if (!grid.bucketUs) return;
  const { pen, ratio } = to;
  const whole = (to.x(grid.bucketUs / 1e6) - to.x(0)) * 0.9;
  const part = whole / Math.max(1, drawn.length);
  const isSideBySide = part >= LEAST_PX * ratio;
  const width = Math.max(LEAST_PX * ratio, isSideBySide ? part : whole);
  const zero = to.y(0);
  pen.save();
  for (let slot = 0; slot < grid.length; slot++) {
    const left = to.x(grid.x[slot] as number);
    const present = drawn.map((trace, i) => ({ trace, i, value: trace.values[slot] as number })).filter(({ value }) => !Number.isNaN(value));
    present.sort((a, b) => b.value - a.value);
    for (const { trace, i, value } of present) {
      pen.globalAlpha = isDim(trace) ? 0.4 : 1;
      pen.fillStyle = lookOf(trace).colour;
      const height = value === 0 ? ZERO_PX * ratio : Math.max(ZERO_PX * ratio, zero - to.y(value));
      pen.fillRect(left + (isSideBySide ? i * part : 0), zero - height, width - (isSideBySide ? Math.min(ratio, width / 4) : 0), height);
    }
  }
  pen.restore();
}
