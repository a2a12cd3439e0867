/** Drawing of lines on a canvas: strokes that break where something is missing, holes, limits, the grey rest. */

import { DASHES, HUES, slotOf } from "../colours";
import { breaks, type Grid, type Trace } from "../grid";
import { type Palette, hatchPattern } from "../theme";
import { noteText } from "../frames";

/** From seconds and values to canvas pixels. */
export interface Frame2d {
  pen: CanvasRenderingContext2D;
  ratio: number;
  left: number;
  top: number;
  width: number;
  height: number;
  x(seconds: number): number;
  y(value: number): number;
}

export interface Look {
  colour: string;
  dash: readonly number[];
}

export function lookOf(id: string, palette: Palette): Look {
  const slot = slotOf(id);
  return { colour: palette.series[slot % HUES] ?? palette.text, dash: DASHES[Math.floor(slot / HUES) % DASHES.length] ?? [] };
}

/** Strokes of one trace, thinned to what its pixels can show: per column first, lowest, highest, last. Lone values become dots. */
export function strokes(grid: Grid, trace: Trace, to: Frame2d, lastWhole: number): { line: Path2D; tail: Path2D } {
  const begins = breaks(grid, trace);
  const [line, tail] = [new Path2D(), new Path2D()];
  let column = NaN;
  let [low, high, lastX, lastY] = [0, 0, 0, 0];
  let alone = false;
  const flush = (): void => {
    if (low !== high) {
      line.lineTo(column, low);
      line.lineTo(column, high);
    }
    line.lineTo(lastX, lastY);
  };
  const dot = (): void => {
    if (!alone) return;
    line.moveTo(lastX + 1.2 * to.ratio, lastY);
    line.arc(lastX, lastY, 1.2 * to.ratio, 0, 7);
  };
  for (let slot = 0; slot < grid.length; slot++) {
    const value = trace.values[slot] as number;
    if (Number.isNaN(value)) continue;
    const [x, y] = [to.x(grid.x[slot] as number), to.y(value)];
    const isTail = slot > lastWhole && !begins[slot];
    if (begins[slot] || isTail) {
      if (!Number.isNaN(column)) flush();
      if (!isTail) dot();
      if (isTail) tail.moveTo(lastX, lastY);
      if (isTail) tail.lineTo(x, y);
      line.moveTo(x, y);
      alone = !isTail;
      column = NaN;
    } else if (Math.round(x) === Math.round(lastX)) {
      [low, high, column] = Number.isNaN(column) ? [Math.min(y, lastY), Math.max(y, lastY), x] : [Math.min(low, y), Math.max(high, y), x];
      alone = false;
    } else {
      if (!Number.isNaN(column)) flush();
      line.lineTo(x, y);
      alone = false;
      column = NaN;
    }
    [lastX, lastY] = [x, y];
  }
  if (!Number.isNaN(column)) flush();
  dot();
  return { line, tail };
}

/** A line with more values than pixels is drawn thin: that shows more of it, and costs a fraction. */
export function drawTrace(grid: Grid, trace: Trace, to: Frame2d, look: Look, asOfUs: number, isDim: boolean): void {
  const { pen, ratio } = to;
  const lastWhole = grid.bucketUs ? Math.floor((asOfUs - grid.startUs) / grid.bucketUs) - 1 : grid.length;
  const { line, tail } = strokes(grid, trace, to, lastWhole);
  pen.save();
  pen.globalAlpha = isDim ? 0.4 : 1;
  pen.strokeStyle = look.colour;
  pen.lineWidth = grid.length > to.width / ratio ? ratio : 1.5 * ratio;
  pen.lineJoin = "bevel";
  pen.setLineDash(look.dash.map((length) => length * ratio));
  pen.stroke(line);
  pen.setLineDash([1.5 * ratio, 2.5 * ratio]);
  pen.stroke(tail);
  pen.restore();
  drawNulls(trace, to, look.colour);
}

/** A null is no zero: a small cross on the lower edge says that a row came without a value. */
function drawNulls(trace: Trace, { pen, ratio, x, top, height, left, width }: Frame2d, colour: string): void {
  if (!trace.nulls.size) return;
  const [y, r] = [top + height - 5 * ratio, 2.5 * ratio];
  pen.save();
  pen.strokeStyle = colour;
  pen.lineWidth = ratio;
  pen.beginPath();
  for (const us of trace.nulls.keys()) {
    const at = x(us / 1e6);
    if (at < left || at > left + width) continue;
    pen.moveTo(at - r, y - r);
    pen.lineTo(at + r, y + r);
    pen.moveTo(at + r, y - r);
    pen.lineTo(at - r, y + r);
  }
  pen.stroke();
  pen.restore();
}

export interface DrawnHole {
  startUs: number;
  endUs: number;
  why: string;
  labels: string[];
  colour: string;
}

/** Equal holes of several series become one band. */
export function holesOf(traces: readonly Trace[], colourOf: (trace: Trace) => string, shared: string): DrawnHole[] {
  const found = new Map<string, DrawnHole>();
  for (const trace of traces) {
    for (const hole of trace.series?.holes ?? []) {
      const id = `${hole.start_us}|${hole.end_us}|${hole.why}`;
      const known = found.get(id);
      if (!known) found.set(id, { startUs: hole.start_us, endUs: hole.end_us, why: hole.why, labels: [trace.label], colour: colourOf(trace) });
      else if (!known.labels.includes(trace.label)) [known.colour] = [shared, known.labels.push(trace.label)];
    }
  }
  return [...found.values()];
}

export function drawHoles(holes: readonly DrawnHole[], to: Frame2d): void {
  const { pen } = to;
  for (const hole of holes) {
    const from = Math.max(to.left, to.x(hole.startUs / 1e6));
    const until = Math.min(to.left + to.width, to.x(hole.endUs / 1e6));
    if (until <= to.left || from >= to.left + to.width) continue;
    pen.save();
    pen.globalAlpha = hole.labels.length > 1 ? 1 : 0.55;
    pen.fillStyle = hatchPattern(pen, hole.colour, to.ratio);
    pen.fillRect(from, to.top, Math.max(2 * to.ratio, until - from), to.height);
    pen.restore();
  }
}

/** Calls back with each limit that lies within the picture. */
function eachLimit(trace: Trace | undefined, to: Frame2d, visit: (name: "degraded" | "down", y: number, isAbove: boolean) => void): void {
  const limits = trace?.thresholds;
  if (!limits) return;
  to.pen.save();
  for (const [name, value] of [["degraded", limits.degraded], ["down", limits.down]] as const) {
    const y = value === null ? NaN : to.y(value);
    if (y >= to.top - 1 && y <= to.top + to.height + 1) visit(name, y, limits.above);
  }
  to.pen.restore();
}

/** A tint where a value is degraded or down. */
export function drawLimitBands(trace: Trace | undefined, to: Frame2d, palette: Palette): void {
  const { pen, left, width, top, height } = to;
  eachLimit(trace, to, (name, y, isAbove) => {
    pen.globalAlpha = 0.08;
    pen.fillStyle = palette.status[name];
    pen.fillRect(left, isAbove ? top : y, width, isAbove ? y - top : top + height - y);
  });
}

/** The line from which a value is degraded or down, with its word. */
export function drawLimitLines(trace: Trace | undefined, to: Frame2d, palette: Palette): void {
  const { pen, ratio, left, width, top } = to;
  const ys: number[] = [];
  eachLimit(trace, to, (_, y) => ys.push(y));
  const isTight = ys.length > 1 && Math.abs((ys[0] as number) - (ys[1] as number)) < 15 * ratio;
  eachLimit(trace, to, (name, y, isAbove) => {
    pen.strokeStyle = palette.status[name];
    pen.lineWidth = ratio;
    pen.setLineDash([4 * ratio, 4 * ratio]);
    pen.beginPath();
    pen.moveTo(left, Math.round(y) + 0.5);
    pen.lineTo(left + width, Math.round(y) + 0.5);
    pen.stroke();
    if (isTight) return;
    const isUnder = !isAbove || y < top + 14 * ratio;
    pen.fillStyle = palette.dim;
    pen.font = `${11 * ratio}px system-ui, sans-serif`;
    pen.textAlign = "left";
    pen.textBaseline = isUnder ? "top" : "bottom";
    pen.fillText(name, left + 4 * ratio, y + (isUnder ? 3 : -2) * ratio);
  });
}

/** Between the smallest and largest of the series that are not drawn one by one, or of the values behind one line. */
export function drawEnvelope(grid: Grid, { low, high }: { low: Float64Array; high: Float64Array }, to: Frame2d, colour: string, alpha: number): void {
  const { pen } = to;
  pen.save();
  pen.fillStyle = colour;
  pen.globalAlpha = alpha;
  let from = -1;
  for (let slot = 0; slot <= grid.length; slot++) {
    const isThere = slot < grid.length && !Number.isNaN(low[slot]);
    if (isThere && from < 0) from = slot;
    if (isThere || from < 0) continue;
    pen.beginPath();
    for (let i = from; i < slot; i++) pen.lineTo(to.x(grid.x[i] as number), to.y(high[i] as number));
    for (let i = slot - 1; i >= from; i--) pen.lineTo(to.x(grid.x[i] as number), to.y(low[i] as number) + to.ratio);
    if (slot - from === 1) pen.rect(to.x(grid.x[from] as number) - to.ratio, to.y(high[from] as number), 2 * to.ratio, to.y(low[from] as number) - to.y(high[from] as number) + to.ratio);
    pen.fill();
    from = -1;
  }
  pen.restore();
}

/** Why a row of a trace has no value at a slot; empty when there is no such row. */
export function nullReason(grid: Grid, trace: Trace, slot: number): string {
  const note = trace.nulls.get(grid.timeUs(slot));
  return note === undefined ? "" : noteText(note);
}
