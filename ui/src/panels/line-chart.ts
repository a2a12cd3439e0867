/** uPlot behind one narrow class: axes, cursor and drag-to-zoom are its own, lines are ours. Nothing else imports uPlot. */

import uPlot from "uplot";
import type { Grid, Trace } from "../grid";
import type { Mark } from "../marks";
import { envelope } from "../rank";
import { palette } from "../theme";
import { type Zone, splitText, stepFor, timeSplits } from "../time";
import { axisTexts } from "../units";
import { type DrawnHole, type Frame2d, drawEnvelope, drawHoles, drawLimitBands, drawLimitLines, drawTrace, lookOf } from "./line-draw";
import { drawBars } from "./line-bars";
import { MARKS_PX, type MarkGroup, drawMarks, grouped, near } from "./marks-draw";
import { type ValueRange, logRange, valueRange, valueSplits } from "./value-axis";

/** One picture: what is drawn, over which time. */
export interface Picture {
  grid: Grid;
  drawn: Trace[];
  rest: Trace[];
  holes: DrawnHole[];
  /** What happened, oldest first. */
  marks: readonly Mark[];
  isDim(trace: Trace): boolean;
  startS: number;
  endS: number;
  asOfUs: number;
  /** Bars from zero, for amounts per bucket. */
  isBars: boolean;
  /** Whether each step up the axis is a tenfold one. */
  isLog: boolean;
  unit: string | null;
  zone: Zone;
}

export interface Listener {
  point(slot: number | null, left: number): void;
  zoom(startS: number, endS: number): void;
  unzoom(): void;
  /** Show the same length of time, this much later. */
  pan(seconds: number): void;
  pick(trace: Trace, slot: number): void;
}

const PIXELS_PER_TIME = 80;
const PIXELS_PER_VALUE = 44;
const RIGHT_PX = 12;
/** A pointer that moved no further than this has clicked. */
const STILL_PX = 4;
/** One notch of the wheel shows this part of the range. */
const WHEEL_ZOOM = 0.8;
/** A second click within this time returns from a zoom instead. */
const DOUBLE_CLICK_MS = 260;
const REST_ALPHA = 0.35;
const EDGE_ALPHA = 0.22;
const AXIS_FONT = "11px system-ui, sans-serif";

export class LineChart {
  private readonly plot: uPlot;
  private picture: Picture | null = null;
  private range: ValueRange = { min: 0, max: 1, step: 1, isLog: false };
  /** How far a drag with Shift has moved the picture, in seconds. */
  private panS = 0;
  private groups: MarkGroup[] = [];
  private band: { low: Float64Array; high: Float64Array } | null = null;

  constructor(box: HTMLElement, width: number, height: number, private readonly listener: Listener) {
    this.plot = new uPlot(this.options(width, height), [new Float64Array([0]), new Float64Array([0])], box);
    this.listenTo(this.plot.over);
  }

  private listenTo(over: HTMLElement): void {
    let down: { x: number; isPan: boolean } | null = null;
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const moved = (event: MouseEvent): number => event.clientX - (down?.x ?? event.clientX);
    const follow = (event: MouseEvent): void => {
      this.panS = (-moved(event) / over.clientWidth) * this.spanS;
      const from = (this.picture?.startS ?? 0) + this.panS;
      this.plot.setScale("x", { min: from, max: from + this.spanS });
    };
    over.addEventListener("mousedown", (event) => {
      if (event.button !== 0) return;
      down = { x: event.clientX, isPan: event.shiftKey };
      if (!down.isPan) return;
      addEventListener("mousemove", follow);
      addEventListener("mouseup", () => {
        removeEventListener("mousemove", follow);
        const seconds = this.panS;
        this.panS = 0;
        if (seconds) this.listener.pan(seconds);
      }, { once: true });
    });
    over.addEventListener("click", (event) => {
      clearTimeout(waiting);
      if (down?.isPan || Math.abs(moved(event)) >= STILL_PX || event.detail !== 1) return;
      const { left, top, idx } = this.plot.cursor;
      const trace = typeof idx === "number" ? this.nearest(idx, top ?? 0) : null;
      if (trace && (left ?? -1) >= 0) waiting = setTimeout(() => this.listener.pick(trace, idx as number), DOUBLE_CLICK_MS);
    });
    over.addEventListener("dblclick", () => {
      clearTimeout(waiting);
      this.listener.unzoom();
    });
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey || !this.picture) return;
      event.preventDefault();
      const share = event.offsetX / over.clientWidth;
      const at = this.picture.startS + share * this.spanS;
      const next = this.spanS * (event.deltaY < 0 ? WHEEL_ZOOM : 1 / WHEEL_ZOOM);
      this.listener.zoom(at - share * next, at + (1 - share) * next);
    }, { passive: false });
  }

  private get spanS(): number {
    return this.picture ? this.picture.endS - this.picture.startS : 1;
  }

  /** The trace whose value at a slot is drawn nearest to a height in CSS pixels; null when none has one there. */
  private nearest(slot: number, top: number): Trace | null {
    const to = this.frame();
    const away = (trace: Trace): number => Math.abs((to.y(trace.values[slot] as number) - to.top) / to.ratio - top);
    const present = (this.picture?.drawn ?? []).filter((trace) => !Number.isNaN(trace.values[slot]));
    return present.reduce<Trace | null>((best, trace) => (best && away(best) <= away(trace) ? best : trace), null);
  }

  private options(width: number, height: number): uPlot.Options {
    const axis = { stroke: () => palette.value.dim, font: AXIS_FONT, grid: { stroke: () => palette.value.line, width: 1 }, ticks: { show: false } };
    return {
      width,
      height,
      padding: [MARKS_PX, RIGHT_PX, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, bind: { mousedown: (_, __, handler) => (event) => (event.shiftKey ? null : handler(event)) } },
      scales: { x: { time: false }, y: { range: () => [this.height(this.range.min), this.height(this.range.max)] } },
      series: [{}, { auto: false, paths: () => null, points: { show: false } }],
      axes: [
        { ...axis, size: 26, gap: 4, splits: () => this.times().splits, values: (_, splits) => this.timeTexts(splits) },
        { ...axis, size: (_, values) => this.labelWidth(values), gap: 6, splits: () => valueSplits(this.range).map((value) => this.height(value)), values: (_, splits) => this.valueTexts(splits) },
      ],
      hooks: {
        drawClear: [() => this.drawBehind()],
        draw: [() => this.drawLines()],
        setCursor: [(u) => this.listener.point(u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null, u.cursor.left ?? -1)],
        setSelect: [(u) => this.selected(u)],
      },
    };
  }

  /** Of the plotting area, in CSS pixels; asking the document for it would lay the page out. */
  private get widthPx(): number {
    return this.plot.bbox.width / uPlot.pxRatio;
  }

  private times(): { splits: number[]; step: number } {
    const startS = (this.picture?.startS ?? 0) + this.panS;
    const step = stepFor(this.spanS, Math.max(2, this.widthPx / PIXELS_PER_TIME));
    return { splits: timeSplits(startS, startS + this.spanS, step, this.picture?.zone ?? "utc"), step };
  }

  /** Labels that would be cut at the right edge, or stand below the value axis, are left out. */
  private timeTexts(splits: number[]): string[] {
    const zone = this.picture?.zone ?? "utc";
    const startS = (this.picture?.startS ?? 0) + this.panS;
    const endS = startS + this.spanS;
    const { step } = this.times();
    const perPixel = this.spanS / Math.max(1, this.widthPx);
    return splits.map((s) => {
      const text = splitText(s, step, zone);
      const half = text.length * 3.4;
      return (s - startS) / perPixel < half / 2 || (endS - s) / perPixel < half - RIGHT_PX ? "" : text;
    });
  }

  /** Where a value stands on the axis, before it is scaled to pixels. */
  private height(value: number): number {
    return this.range.isLog ? Math.log10(Math.max(value, this.range.min)) : value;
  }

  private valueTexts(splits: number[]): string[] {
    const unit = this.picture?.unit;
    if (this.range.isLog) return splits.map((split) => axisTexts([10 ** split], 10 ** split, unit)[0] ?? "");
    return axisTexts(splits, this.range.step, unit);
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
    const arrays = drawn.flatMap((trace) => (trace.edges && !picture.isBars ? [trace.values, trace.edges.low, trace.edges.high] : [trace.values])).concat(this.band ? [this.band.low, this.band.high] : []);
    const [from, to] = [firstAtOrAfter(grid.x, startS), firstAtOrAfter(grid.x, endS + 1e-6) - 1];
    const marks = Math.max(2, Math.floor(this.plot.height / PIXELS_PER_VALUE));
    this.range = picture.isLog ? logRange(arrays, from, to, drawn[0]) : valueRange(arrays, from, to, drawn[0], marks, picture.isBars);
    this.plot.batch(() => {
      this.plot.setData([grid.x, new Float64Array(grid.length)], false);
      this.plot.setScale("x", { min: startS, max: endS });
      this.plot.setScale("y", { min: this.height(this.range.min), max: this.height(this.range.max) });
    });
  }

  /** Take another size in CSS pixels; false when it has it already. */
  resize(width: number, height: number): boolean {
    if (width === this.plot.width && height === this.plot.height) return false;
    this.plot.setSize({ width, height });
    return true;
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

  /** The marks near a pointer, in CSS pixels from the left of the plotting area. */
  marksNear(left: number): Mark[] {
    return near(this.groups, left, this.frame());
  }

  destroy(): void {
    this.plot.destroy();
  }

  private frame(): Frame2d {
    const { left, top, width, height } = this.plot.bbox;
    const startS = (this.picture?.startS ?? 0) + this.panS;
    const [low, high] = [this.height(this.range.min), this.height(this.range.max)];
    const [perS, perValue] = [width / this.spanS, height / (high - low)];
    return {
      pen: this.plot.ctx,
      ratio: uPlot.pxRatio,
      left,
      top,
      width,
      height,
      x: (seconds) => left + (seconds - startS) * perS,
      y: (value) => top + (high - this.height(value)) * perValue,
    };
  }

  private drawBehind(): void {
    if (!this.picture) return;
    const to = this.frame();
    drawLimitBands(this.picture.drawn[0], to, palette.value);
    drawHoles(this.picture.holes, to);
    this.groups = grouped(this.picture.marks, to);
    drawMarks(this.groups, to, palette.value);
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
    if (this.band) drawEnvelope(picture.grid, this.band, to, palette.value.hatch, REST_ALPHA);
    for (const trace of picture.isBars ? [] : picture.drawn) {
      if (trace.edges) drawEnvelope(picture.grid, trace.edges, to, lookOf(trace.id, palette.value).colour, picture.isDim(trace) ? EDGE_ALPHA / 2 : EDGE_ALPHA);
    }
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
