/** Marks on a chart: a triangle above the picture and a dotted line behind it. What stands too close together is one mark with a number. */

import type { Mark } from "../marks";
import type { Sheet } from "../parts/canvas";
import type { Palette } from "../theme";
import { SECOND_US } from "../time";
import type { Frame2d } from "./line-draw";

/** Where marks stand: a picture over time, whatever its other side means. */
export type MarkFrame = Omit<Frame2d, "y">;
/** The part of it that places them. */
export type MarkPlace = Omit<MarkFrame, "pen" | "top" | "height">;

export interface MarkGroup {
  /** Canvas pixels. */
  x: number;
  marks: Mark[];
}

/** Room above the picture, in CSS pixels. */
export const MARKS_PX = 14;
const LEAST_APART_PX = 14;
const MOST_GROUPS = 24;
/** A pointer so near is at the mark. */
const NEAR_PX = 7;

/** Marks within the picture, oldest first; neighbours come together until there are few. */
export function grouped(marks: readonly Mark[], to: MarkPlace): MarkGroup[] {
  const placed = marks.map((mark) => ({ mark, x: to.x(mark.us / 1e6) })).filter(({ x }) => x >= to.left && x <= to.left + to.width);
  for (let apart = LEAST_APART_PX * to.ratio; ; apart *= 2) {
    const groups: MarkGroup[] = [];
    for (const { mark, x } of placed) {
      const last = groups[groups.length - 1];
      if (last && x - last.x < apart) last.marks.push(mark);
      else groups.push({ x, marks: [mark] });
    }
    if (groups.length <= MOST_GROUPS) return groups;
  }
}

/** The marks near a pointer, which is given in CSS pixels from the left of the picture. */
export function near(groups: readonly MarkGroup[], left: number, to: MarkPlace): Mark[] {
  const x = to.left + left * to.ratio;
  const found = groups.filter((group) => Math.abs(group.x - x) <= NEAR_PX * to.ratio);
  return found.sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0]?.marks ?? [];
}

/** Where marks stand on a canvas whose right edge is now. */
export function placeOn(width: number, nowUs: number, span: number): MarkPlace {
  return { ratio: 1, left: 0, width, x: (seconds) => (1 - (nowUs - seconds * SECOND_US) / span) * width };
}

/** Marks above a canvas whose right edge is now, over pictures as high as told; what is drawn then begins below them. */
export function markSheet({ pen, width, nowUs }: Sheet, marks: readonly Mark[], span: number, height: number, palette: Palette): void {
  const to: MarkFrame = { ...placeOn(width, nowUs, span), pen, top: MARKS_PX, height };
  drawMarks(grouped(marks, to), to, palette);
}

/** The marks near a pointer on such a canvas. */
export function marksAt(marks: readonly Mark[], x: number, width: number, nowUs: number, span: number): Mark[] {
  const to = placeOn(width, nowUs, span);
  return near(grouped(marks, to), x, to);
}

/** Drawn before the lines, so that no line is hidden by it. */
export function drawMarks(groups: readonly MarkGroup[], to: MarkFrame, palette: Palette): void {
  const { pen, ratio, top, height } = to;
  pen.save();
  pen.fillStyle = pen.strokeStyle = palette.text;
  pen.font = `${10 * ratio}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  for (const { x, marks } of groups) {
    pen.globalAlpha = 0.45;
    pen.lineWidth = ratio;
    pen.setLineDash([ratio, 3 * ratio]);
    pen.beginPath();
    pen.moveTo(Math.round(x) + 0.5, top);
    pen.lineTo(Math.round(x) + 0.5, top + height);
    pen.stroke();
    pen.globalAlpha = 1;
    pen.beginPath();
    pen.moveTo(x - 4 * ratio, top - 9 * ratio);
    pen.lineTo(x + 4 * ratio, top - 9 * ratio);
    pen.lineTo(x, top - 2 * ratio);
    pen.fill();
    if (marks.length > 1) pen.fillText(String(marks.length), x + 6 * ratio, top - 6 * ratio);
  }
  pen.restore();
}
