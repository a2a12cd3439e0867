/** uPlot behind one narrow class: axes, cursor and drag-to-zoom are its own, lines are ours. Nothing else imports uPlot. */

import uPlot from "uplot";
import type { Grid, Trace } from "../grid";
import { envelope } from "../rank";
import { palette } from "../theme";
import { type Zone, splitText, stepFor, timeSplits } from "../time";
import { axisTexts } from "../units";
import { type DrawnHole, type Frame2d, drawEnvelope, drawHoles, drawLimitBands, drawLimitLines, drawTrace, lookOf } from "./line-draw";
import { drawBars } from "./line-bars";
import { type ValueRange, valueRange, valueSplits } from "./value-axis";

/** One picture: what is drawn, over which time. */
export interface Picture {
  grid: Grid;
  drawn: Trace[];
  rest: Trace[];
  holes: DrawnHole[];
  isDim(trace: Trace): boolean;
  startS: number;
  endS: number;
  asOfUs: number;
  /** Bars from zero, for amounts per bucket. */
  isBars: boolean;
  unit: string | null;
  zone: Zone;
}

export interface Listener {
  point(slot: number | null, left: number): void;
  zoom(startS: number, endS: number): void;
  unzoom(): void;
}

const PIXELS_PER_TIME = 80;
const PIXELS_PER_VALUE = 44;
const RIGHT_PX = 12;
const AXIS_FONT = "11px system-ui, sans-serif";

export class LineChart {
  private readonly plot: uPlot;
  private picture: Picture | null = null;
  private range: ValueRange = { min: 0, max: 1, step: 1 };
  private band: { low: Float64Array; high: Float64Array } | null = null;

  constructor(box: HTMLElement, width: number, height: number, private readonly listener: Listener) {
    this.plot = new uPlot(this.options(width, height), [new Float64Array([0]), new Float64Array([0])], box);
    this.plot.over.addEventListener("dblclick", () => listener.unzoom());
  }

  private options(width: number, height: number): uPlot.Options {
    const axis = { stroke: () => palette.value.dim, font: AXIS_FONT, grid: { stroke: () => palette.value.line, width: 1 }, ticks: { show: false } };
    return {
      width,
      height,
      padding: [8, RIGHT_PX, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: false }, y: { range: () => [this.range.min, this.range.max] } },
      series: [{}, { auto: false, paths: () => null, points: { show: false } }],
      axes: [
        { ...axis, size: 26, gap: 4, splits: () => this.times().splits, values: (_, splits) => this.timeTexts(splits) },
        { ...axis, size: (_, values) => this.labelWidth(values), gap: 6, splits: () => valueSplits(this.range), values: (_, splits) => axisTexts(splits, this.range.step, this.picture?.unit) },
      ],
      hooks: {
        drawClear: [() => this.drawBehind()],
        draw: [() => this.drawLines()],
        setCursor: [(u) => this.listener.point(u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null, u.cursor.left ?? -1)],
        setSelect: [(u) => this.selected(u)],
      },
    };
  }

  private times(): { splits: number[]; step: number } {
    const { startS = 0, endS = 1, zone = "utc" } = this.picture ?? {};
    const step = stepFor(endS - startS, Math.max(2, this.plot.over.clientWidth / PIXELS_PER_TIME));
    return { splits: timeSplits(startS, endS, step, zone), step };
  }

  /** Labels that would be cut at the right edge, or stand below the value axis, are left out. */
  private timeTexts(splits: number[]): string[] {
    const { startS = 0, endS = 1, zone = "utc" } = this.picture ?? {};
    const { step } = this.times();
    const perPixel = (endS - startS) / Math.max(1, this.plot.over.clientWidth);
    return splits.map((s) => {
      const text = splitText(s, step, zone);
      const half = text.length * 3.4;
      return (s - startS) / perPixel < half / 2 || (endS - s) / perPixel < half - RIGHT_PX ? "" : text;
    });
  }

  private labelWidth(values: string[] | null): number {
    return Math.max(38, 14 + 6.6 * Math.max(0, ...(values ?? []).map((text) => text.length)));
  }

  private selected(u: uPlot): void {
    const { left, width } = u.select;
    if (width < 4) return;
    const [start, end] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.listener.zoom(start, end);
  }

  draw(picture: Picture): void {
    this.picture = picture;
    const { grid, drawn, rest, startS, endS } = picture;
    this.band = rest.length ? envelope(rest, grid.length) : null;
    const arrays = drawn.map((trace) => trace.values).concat(this.band ? [this.band.low, this.band.high] : []);
    const [from, to] = [firstAtOrAfter(grid.x, startS), firstAtOrAfter(grid.x, endS + 1e-6) - 1];
    const marks = Math.max(2, Math.floor(this.plot.height / PIXELS_PER_VALUE));
    this.range = valueRange(arrays, from, to, drawn[0], marks, picture.isBars);
    this.plot.batch(() => {
      this.plot.setData([grid.x, new Float64Array(grid.length)], false);
      this.plot.setScale("x", { min: startS, max: endS });
      this.plot.setScale("y", { min: this.range.min, max: this.range.max });
    });
  }

  resize(width: number, height: number): void {
    this.plot.setSize({ width, height });
  }

  redraw(): void {
    this.plot.redraw(false, true);
  }

  /** Put the cursor line where another panel's pointer is; null takes it away. */
  follow(seconds: number | null): void {
    const left = seconds === null ? -10 : this.plot.valToPos(seconds, "x");
    this.plot.setCursor({ left, top: left < 0 ? -10 : 1 }, false);
  }

  /** Put the cursor on a slot, as the keyboard does; returns where that is, in CSS pixels from the left of the plotting area. */
  place(slot: number): number {
    const left = this.plot.valToPos(this.picture?.grid.x[slot] ?? 0, "x");
    this.plot.setCursor({ left, top: 1 }, false);
    return left;
  }

  /** Left edge of the plotting area within the box, in CSS pixels. */
  get offsetLeft(): number {
    return this.plot.over.offsetLeft;
  }

  destroy(): void {
    this.plot.destroy();
  }

  private frame(): Frame2d {
    const { left, top, width, height } = this.plot.bbox;
    const { startS = 0, endS = 1 } = this.picture ?? {};
    const { min, max } = this.range;
    const [perS, perValue] = [width / (endS - startS), height / (max - min)];
    return {
      pen: this.plot.ctx,
      ratio: uPlot.pxRatio,
      left,
      top,
      width,
      height,
      x: (seconds) => left + (seconds - startS) * perS,
      y: (value) => top + (max - value) * perValue,
    };
  }

  private drawBehind(): void {
    if (!this.picture) return;
    const to = this.frame();
    drawLimitBands(this.picture.drawn[0], to, palette.value);
    drawHoles(this.picture.holes, to);
  }

  private drawLines(): void {
    const picture = this.picture;
    if (!picture) return;
    const to = this.frame();
    const { pen, left, top, width, height, ratio } = to;
    pen.save();
    pen.beginPath();
    pen.rect(left, top - ratio, width + ratio, height + 2 * ratio);
    pen.clip();
    if (this.band) drawEnvelope(picture.grid, this.band.low, this.band.high, to, palette.value);
    drawLimitLines(picture.drawn[0], to, palette.value);
    if (picture.isBars) drawBars(picture, to, (trace) => lookOf(trace.id, palette.value));
    for (const trace of picture.isBars ? [] : [...picture.drawn].reverse()) {
      drawTrace(picture.grid, trace, to, lookOf(trace.id, palette.value), picture.asOfUs, picture.isDim(trace));
    }
    pen.restore();
  }
}

/** Index of the first time at or after the given one. */
export function firstAtOrAfter(times: Float64Array, seconds: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}
