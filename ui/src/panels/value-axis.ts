/** The value axis of a chart: its limits, marks and labels. */

import type { Trace } from "../grid";
import { unitOf } from "../units";

/** Units of which the level means little and the movement much; on all others the distance from zero is the message. */
const FLOATING = new Set(["price", "money"]);
const CLOCK_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];

/** 1, 2 or 5 times a power of ten, or a round number of clock units, so that at most `most` steps span the distance. */
export function niceStep(distance: number, most: number, unitName: string | null): number {
  const unit = unitOf(unitName);
  const per = unit.scale === "duration" ? unit.per_unit_s || 1 : 0;
  if (per && (distance * per) / most > 5) {
    const seconds = CLOCK_STEPS_S.find((step) => (distance * per) / step <= most) ?? 604_800 * Math.ceil((distance * per) / most / 604_800);
    return seconds / per;
  }
  const rough = distance / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10;
  const step = factor * power;
  return unit.scale === "count" ? Math.max(1, step) : step;
}

export interface ValueRange {
  min: number;
  max: number;
  step: number;
  /** Equal distances are equal factors. */
  isLog: boolean;
}

/** Limits that hold all values seen between two slots, and near thresholds; round, so that the axis rests while values move. */
export function valueRange(arrays: readonly Float64Array[], from: number, to: number, first: Trace | undefined, marks: number, isFromZero = false): ValueRange {
  let [low, high] = [Infinity, -Infinity];
  for (const values of arrays) {
    for (let slot = from; slot <= to; slot++) {
      const value = values[slot] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  const unitName = first?.unit ?? null;
  const unit = unitOf(unitName);
  if (low > high) [low, high] = [0, 1];
  const limits = first?.thresholds;
  const nearest = limits ? (limits.degraded ?? limits.down) : null;
  if (nearest !== null && limits?.above && high >= nearest / 2 && high < nearest) high = nearest;
  if (low >= 0 && (isFromZero || !FLOATING.has(unitName ?? "") || low <= high * 0.6)) low = 0;
  if (unit.scale === "ratio" && low === 0 && high > 0.5 && high <= 1) high = 1;
  if (high === low) high = low + (Math.abs(low) * 0.1 || 1);
  const step = niceStep(high - low, marks, unitName);
  return { min: Math.floor(low / step + 1e-9) * step, max: Math.ceil(high / step - 1e-9) * step, step, isLog: false };
}

/** Whole powers of ten around all positive values seen between two slots, and around thresholds near them; what is zero stands on the lower edge. */
export function logRange(arrays: readonly Float64Array[], from: number, to: number, first: Trace | undefined): ValueRange {
  let [low, high] = [Infinity, 0];
  for (const values of arrays) {
    for (let slot = from; slot <= to; slot++) {
      const value = values[slot] as number;
      if (value > 0 && value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (high === 0) [low, high] = [1, 10];
  const nearest = first?.thresholds?.degraded ?? first?.thresholds?.down ?? null;
  if (nearest !== null && nearest > high && nearest <= high * 10) high = nearest;
  const min = 10 ** Math.floor(Math.log10(low) + 1e-9);
  const max = 10 ** Math.ceil(Math.log10(high) - 1e-9);
  return { min, max: max > min ? max : min * 10, step: 10, isLog: true };
}

export function valueSplits({ min, max, step, isLog }: ValueRange): number[] {
  const out: number[] = [];
  if (isLog) {
    for (let power = Math.round(Math.log10(min)); power <= Math.round(Math.log10(max)); power++) out.push(10 ** power);
    return out;
  }
  for (let i = 0; min + i * step <= max + step * 1e-6; i++) out.push(Number((min + i * step).toPrecision(12)));
  return out;
}
