/** Drawing of distributions: bars of one, outlines of several, and lines where quantiles lie. */

import { type Bins, type Distribution, type Shares } from "../distribution";
import type { Sheet } from "../parts/canvas";
import { palette } from "../theme";
import { axisTexts } from "../units";
import { lookOf } from "./line-draw";
import { niceStep } from "./value-axis";

export const LEFT_PX = 44;
export const AXIS_PX = 20;
const TOP_PX = 42;
const RIGHT_PX = 8;

/** Where bins stand, in CSS pixels: the bins at the ends, if any, are as wide as the others. */
export interface Layout {
  left: number;
  width: number;
  bins: number;
  /** Of a value; those beyond the last border in the middle of the bin at the end. */
  x(value: number): number;
}

export function layoutOf({ edges, isLog, hasBelow, hasAbove }: Bins, width: number): Layout {
  const inner = edges.length - 1;
  const bins = inner + Number(hasBelow) + Number(hasAbove);
  const room = Math.max(1, width - LEFT_PX - RIGHT_PX);
  const each = room / bins;
  const [first, last] = [edges[0] as number, edges[inner] as number];
  const x = (value: number): number => {
    if (value > last) return LEFT_PX + room - each / 2;
    if (value < first) return LEFT_PX + (hasBelow ? each / 2 : 0);
    const share = isLog ? Math.log(value / first) / Math.log(last / first) : (value - first) / (last - first);
    return LEFT_PX + Number(hasBelow) * each + share * inner * each;
  };
  return { left: LEFT_PX, width: room, bins, x };
}

/** Heights of all bins, those at the ends included. */
export function heights(shares: Shares, bins: Bins): number[] {
  return [...(bins.hasBelow ? [shares.below] : []), ...shares.inside, ...(bins.hasAbove ? [shares.above] : [])];
}

export function drawDistributions(sheet: Sheet, shown: readonly Distribution[], shares: readonly Shares[], bins: Bins, unit: string | null): void {
  const { pen, width, height } = sheet;
  const layout = layoutOf(bins, width);
  const tall = shares.map((one) => heights(one, bins));
  const most = Math.max(0.01, ...tall.flat());
  const step = niceStep(most, 3, "ratio");
  const top = Math.ceil(most / step - 1e-9) * step;
  const floor = height - AXIS_PX;
  const y = (share: number): number => floor - (share / top) * (floor - TOP_PX);
  drawShares(sheet, step, top, y);
  shown.forEach((one, i) => {
    const { colour, dash } = lookOf(one.id, palette.value);
    pen.fillStyle = pen.strokeStyle = colour;
    if (shown.length === 1) bars(pen, layout, tall[i] as number[], y);
    else outline(pen, layout, tall[i] as number[], y, dash);
  });
  if (shown.length === 1) drawQuantiles(sheet, shown[0] as Distribution, layout, unit);
  drawValues(sheet, bins, layout, floor, unit);
}

function bars(pen: CanvasRenderingContext2D, { left, width, bins }: Layout, tall: readonly number[], y: (share: number) => number): void {
  const each = width / bins;
  tall.forEach((share, bin) => share > 0 && pen.fillRect(left + bin * each, y(share), Math.max(1, each - 1), Math.max(1, y(0) - y(share))));
}

function outline(pen: CanvasRenderingContext2D, { left, width, bins }: Layout, tall: readonly number[], y: (share: number) => number, dash: readonly number[]): void {
  const each = width / bins;
  pen.lineWidth = 1.5;
  pen.setLineDash([...dash]);
  pen.beginPath();
  pen.moveTo(left, y(0));
  tall.forEach((share, bin) => {
    pen.lineTo(left + bin * each, y(share));
    pen.lineTo(left + (bin + 1) * each, y(share));
  });
  pen.lineTo(left + width, y(0));
  pen.stroke();
  pen.setLineDash([]);
}

/** Names stand in up to three rows above the picture, so that neighbours can be read. */
function drawQuantiles({ pen, width, height }: Sheet, one: Distribution, layout: Layout, unit: string | null): void {
  pen.strokeStyle = pen.fillStyle = palette.value.text;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  const free = [0, 0, 0];
  for (const { name, value } of one.quantiles) {
    const x = Math.round(layout.x(value)) + 0.5;
    const text = `${name} ${axisTexts([value], value / 10, unit)[0] ?? ""}`;
    const room = pen.measureText(text).width;
    const isRight = x + room + 4 > width;
    const from = isRight ? x - room - 3 : x + 3;
    const row = Math.max(0, free.findIndex((until) => from >= until));
    free[row] = from + room + 6;
    pen.lineWidth = 1;
    pen.setLineDash([4, 3]);
    pen.beginPath();
    pen.moveTo(x, row * 13);
    pen.lineTo(x, height - AXIS_PX);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = palette.value.panel;
    pen.fillRect(from - 1, row * 13, room + 2, 12);
    pen.fillStyle = palette.value.text;
    pen.textAlign = "left";
    pen.fillText(text, from, row * 13);
  }
}

function drawShares({ pen, width }: Sheet, step: number, top: number, y: (share: number) => number): void {
  pen.font = "11px system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let share = 0; share <= top + 1e-9; share += step) {
    pen.fillStyle = palette.value.line;
    pen.fillRect(LEFT_PX, Math.round(y(share)), width - LEFT_PX - RIGHT_PX, 1);
    pen.fillStyle = palette.value.dim;
    pen.fillText(axisTexts([share], step, "ratio")[0] ?? "", LEFT_PX - 5, y(share));
  }
}

/** Values below the picture: at powers of ten, or at round steps. */
function drawValues({ pen, width }: Sheet, bins: Bins, layout: Layout, floor: number, unit: string | null): void {
  const [first, last] = [bins.edges[0] as number, bins.edges[bins.edges.length - 1] as number];
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  let free = layout.left - 12;
  const label = (text: string, x: number): void => {
    const half = pen.measureText(text).width / 2;
    pen.fillStyle = palette.value.dim;
    pen.fillRect(Math.round(x), floor, 1, 3);
    if (x - half < free || x + half > width) return;
    pen.textAlign = "center";
    pen.fillText(text, x, floor + 5);
    free = x + half + 8;
  };
  for (const value of bins.isLog ? logMarks(first, last) : linearMarks(first, last, width, unit)) label(axisTexts([value], bins.isLog ? value : (last - first) / 10, unit)[0] ?? "", layout.x(value));
}

function logMarks(first: number, last: number): number[] {
  const powers = Math.log10(last / first);
  const steps = powers > 2 ? [1] : powers > 0.8 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8];
  const out: number[] = [];
  for (let power = Math.floor(Math.log10(first)); power <= Math.ceil(Math.log10(last)); power++) for (const step of steps) out.push(step * 10 ** power);
  return out.filter((value) => value >= first * 0.999 && value <= last * 1.001);
}

function linearMarks(first: number, last: number, width: number, unit: string | null): number[] {
  const step = niceStep(last - first, Math.max(2, width / 80), unit);
  return Array.from({ length: Math.floor((last - first) / step + 1e-9) + 1 }, (_, i) => first + i * step);
}
