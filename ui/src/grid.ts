/** Time series of a line panel as typed arrays on one time axis, kept in place while deltas arrive. */

import type { Cell, Column, Frame, Key, Series, Status, Thresholds } from "./wire";
import { column, keyId, keyLabel, measureColumns, rowKey, seriesFinder, tagColumns, tellingTags, timeColumn } from "./frames";
import { words } from "./units";

/** One line: the values of one measure of one series. NaN is "no value". */
export interface Trace {
  id: string;
  key: Key;
  label: string;
  unit: string | null;
  measure: string;
  thresholds: Thresholds | null;
  series: Series | null;
  /** The server's verdict on the newest value, where it gives one. */
  verdict: Status;
  values: Float64Array;
  /** The smallest and the largest value within each bucket, where the value alone would hide them. */
  edges: { low: Float64Array; high: Float64Array } | null;
  /** Bucket start to the reason of an explicit null. */
  nulls: Map<number, string>;
}

/** More buckets than any screen has pixels: the range is then not what the page asked for. */
const MOST_SLOTS = 50_000;

export class Grid {
  readonly traces = new Map<string, Trace>();
  bucketUs = 0;
  startUs = 0;
  length = 0;
  private times = new Float64Array(0);

  /** Start of each bucket in seconds, ascending. */
  get x(): Float64Array {
    return this.times;
  }

  timeUs(slot: number): number {
    return this.bucketUs ? this.startUs + slot * this.bucketUs : Math.round((this.times[slot] ?? 0) * 1e6);
  }

  /** Take a frame: all of it, or, with `replaceFromUs`, what is new in it. */
  apply(frame: Frame, replaceFromUs: number | null): void {
    const isDelta = replaceFromUs !== null && frame.bucket_us === this.bucketUs && this.length > 0 && this.bucketUs > 0;
    if (!isDelta) this.traces.clear();
    if (frame.bucket_us) this.stretch(frame, isDelta);
    else this.spread(frame);
    if (isDelta) this.clearFrom(replaceFromUs);
    this.write(frame);
    this.label(frame);
  }

  /** Regular buckets from the frame's start to its end. */
  private stretch(frame: Frame, isDelta: boolean): void {
    const bucketUs = frame.bucket_us as number;
    const times = timeColumn(frame)?.values ?? [];
    let last = frame.end_us - 1;
    for (const time of times) if (typeof time === "number" && time > last) last = time;
    const startUs = Math.floor(frame.start_us / bucketUs) * bucketUs;
    const length = Math.min(MOST_SLOTS, Math.max(1, Math.floor((last - startUs) / bucketUs) + 1));
    const shift = isDelta ? Math.round((startUs - this.startUs) / bucketUs) : 0;
    if (isDelta && shift === 0 && length === this.length) return;
    for (const trace of this.traces.values()) {
      trace.values = moved(trace.values, shift, length);
      if (trace.edges) trace.edges = { low: moved(trace.edges.low, shift, length), high: moved(trace.edges.high, shift, length) };
      for (const time of trace.nulls.keys()) if (time < startUs) trace.nulls.delete(time);
    }
    [this.bucketUs, this.startUs, this.length] = [bucketUs, startUs, length];
    this.times = new Float64Array(length);
    for (let slot = 0; slot < length; slot++) this.times[slot] = (startUs + slot * bucketUs) / 1e6;
  }

  /** Rows as they are: every time that occurs, once. */
  private spread(frame: Frame): void {
    const times = (timeColumn(frame)?.values ?? []).filter((time): time is number => typeof time === "number");
    const sorted = [...new Set(times)].sort((a, b) => a - b);
    [this.bucketUs, this.startUs, this.length] = [0, sorted[0] ?? frame.start_us, sorted.length];
    this.times = Float64Array.from(sorted, (time) => time / 1e6);
  }

  private slot(timeUs: number): number {
    if (this.bucketUs) return Math.floor((timeUs - this.startUs) / this.bucketUs);
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? 0) * 1e6 < timeUs - 0.5) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private clearFrom(fromUs: number): void {
    const slot = Math.max(0, Math.ceil((fromUs - this.startUs) / this.bucketUs));
    for (const trace of this.traces.values()) {
      for (const values of [trace.values, trace.edges?.low, trace.edges?.high]) values?.fill(NaN, Math.min(slot, this.length));
      for (const time of trace.nulls.keys()) if (time >= fromUs) trace.nulls.delete(time);
    }
  }

  private write(frame: Frame): void {
    const times = timeColumn(frame)?.values ?? [];
    const tags = tagColumns(frame);
    const find = seriesFinder(frame);
    const ids = new Map<string, { key: Key; series: Series | null }>();
    const measures = measureColumns(frame).filter((measure) => measure.kind !== "text" && measure.kind !== "id" && measure.kind !== "sketch");
    const edges = new Map(measures.map((measure) => [measure, { low: column(frame, `${measure.name}__low`), high: column(frame, `${measure.name}__high`) }]));
    for (let row = 0; row < times.length; row++) {
      const time = times[row];
      if (typeof time !== "number") continue;
      const slot = this.slot(time);
      if (slot < 0 || slot >= this.length) continue;
      const joined = tags.map((tag) => tag.values[row]).join("\u0000");
      let owner = ids.get(joined);
      if (!owner) ids.set(joined, (owner = { key: rowKey(tags, row), series: find(row) }));
      for (const measure of measures) {
        const trace = this.put(measure, row, slot, owner.key, owner.series, measures.length > 1);
        const { low, high } = edges.get(measure) ?? {};
        if (low && high) this.bound(trace, slot, low.values[row], high.values[row]);
      }
    }
  }

  private bound(trace: Trace, slot: number, low: Cell | undefined, high: Cell | undefined): void {
    trace.edges ??= { low: new Float64Array(this.length).fill(NaN), high: new Float64Array(this.length).fill(NaN) };
    trace.edges.low[slot] = typeof low === "number" ? low : NaN;
    trace.edges.high[slot] = typeof high === "number" ? high : NaN;
  }

  private put(measure: Column, row: number, slot: number, key: Key, series: Series | null, isOneOfMany: boolean): Trace {
    const trace = this.trace(measure, key, isOneOfMany);
    trace.series = series;
    const value = measure.values[row];
    if (value === null || value === undefined || typeof value === "string") {
      trace.values[slot] = NaN;
      trace.nulls.set(this.timeUs(slot), measure.notes?.[row] ?? "");
      return trace;
    }
    trace.values[slot] = Number(value);
    trace.nulls.delete(this.timeUs(slot));
    trace.verdict = measure.status?.[row] ?? series?.status ?? "unknown";
    return trace;
  }

  private trace(measure: Column, key: Key, isOneOfMany: boolean): Trace {
    const plain = keyId(key);
    const id = isOneOfMany || !plain ? `${plain}|${measure.name}` : plain;
    const found = this.traces.get(id);
    if (found) return found;
    const values = new Float64Array(this.length).fill(NaN);
    const made: Trace = { id, key, label: "", unit: measure.unit, measure: measure.name, thresholds: null, series: null, verdict: "unknown", values, edges: null, nulls: new Map() };
    this.traces.set(id, made);
    return made;
  }

  /** What belongs to a whole trace: names, limits, and the series of those that had no row in this frame. */
  private label(frame: Frame): void {
    const traces = [...this.traces.values()];
    const tags = tellingTags(traces.map((trace) => trace.key));
    const measures = new Set(traces.map((trace) => trace.measure));
    const byKey = new Map(frame.series.map((series) => [keyId(series.key), series]));
    for (const trace of traces) {
      const label = keyLabel(trace.key, tags);
      trace.label = measures.size > 1 || !label ? [label, words(trace.measure)].filter(Boolean).join(" ") : label;
      trace.thresholds = frame.columns.find((candidate) => candidate.name === trace.measure)?.thresholds ?? null;
      trace.series = byKey.get(keyId(trace.key)) ?? trace.series ?? (frame.series.length === 1 ? frame.series[0] ?? null : null);
      if (trace.values.every(Number.isNaN) && trace.nulls.size === 0) this.traces.delete(trace.id);
    }
  }
}

function moved(old: Float64Array, shift: number, length: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(length).fill(NaN);
  const from = Math.max(0, shift);
  const part = old.subarray(from, Math.min(old.length, shift + length));
  if (part.length) next.set(part, from - shift);
  return next;
}

/** Slot of the newest value of a trace; −1 when it has none. */
export function newestSlot(values: Float64Array): number {
  for (let slot = values.length - 1; slot >= 0; slot--) if (!Number.isNaN(values[slot])) return slot;
  return -1;
}

/**
 * The newest value of a trace, unless a row without a value came after it: NaN then. Of what buckets add up, the one that is still filling says
 * too little: `wholeUntilUs` is the time until which buckets are over, and a younger one counts only when there is no other.
 */
export function currentValue(grid: Grid, trace: Trace, wholeUntilUs = Infinity): number {
  const newest = newestSlot(trace.values);
  if (newest < 0) return NaN;
  const isFilling = grid.timeUs(newest) + grid.bucketUs > wholeUntilUs;
  const whole = isFilling ? newestSlot(trace.values.subarray(0, newest)) : newest;
  const slot = whole < 0 ? newest : whole;
  const time = grid.timeUs(slot);
  for (const nullUs of trace.nulls.keys()) if (nullUs > time) return NaN;
  return trace.values[slot] ?? NaN;
}

/**
 * Which neighbouring values belong to one stroke. A line is drawn between two values only when nothing says that something is missing between
 * them: no null, no hole, and no more time than two usual spacings and a bucket (the server's own measure of a hole).
 * Returns for each slot 1 where a stroke begins anew, else 0.
 */
export function breaks(grid: Grid, trace: Trace): Uint8Array {
  const out = new Uint8Array(grid.length);
  const widestUs = 2 * (trace.series?.expected_us ?? medianSpacing(grid, trace.values)) + grid.bucketUs;
  const nulls = [...trace.nulls.keys()].sort((a, b) => a - b);
  const holes = trace.series?.holes ?? [];
  let before = -1;
  let nextNull = 0;
  for (let slot = 0; slot < grid.length; slot++) {
    if (Number.isNaN(trace.values[slot])) continue;
    const time = grid.timeUs(slot);
    const beforeUs = before < 0 ? -Infinity : grid.timeUs(before);
    while (nextNull < nulls.length && (nulls[nextNull] as number) < beforeUs) nextNull++;
    const hasNull = nextNull < nulls.length && (nulls[nextNull] as number) < time;
    const hasHole = holes.some((hole) => hole.start_us < time && hole.end_us > beforeUs + grid.bucketUs);
    if (before < 0 || time - beforeUs > widestUs || hasNull || hasHole) out[slot] = 1;
    before = slot;
  }
  return out;
}

function medianSpacing(grid: Grid, values: Float64Array): number {
  const spacings: number[] = [];
  let before = -1;
  for (let slot = 0; slot < values.length; slot++) {
    if (Number.isNaN(values[slot])) continue;
    if (before >= 0) spacings.push(grid.timeUs(slot) - grid.timeUs(before));
    before = slot;
  }
  return spacings.sort((a, b) => a - b)[spacings.length >> 1] ?? Infinity;
}
