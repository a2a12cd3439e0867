/** From values to shares of a colour ramp, so that neither one spike nor one slow row makes all other cells look alike. */

export interface HeatScale {
  low: number;
  high: number;
  /** Equal steps of colour are equal factors. */
  isLog: boolean;
  /** The largest value, when it lies beyond the ramp; null when the ramp holds all. */
  beyond: number | null;
}

/** Values in a hundred that may lie beyond the ramp. */
const HELD = 0.98;
/** The ramp reaches to the largest value when that is no more than so many times the value that 98 of 100 stay under. */
const NEAR = 1.5;
/** With fewer values a largest one is no exception. */
const LEAST_VALUES = 8;
/** From this quotient of a high and a low value on, equal steps would leave most cells in one colour. */
const WIDE = 30;
const LOW = 0.05;

/** The scale of values in any order; those that are not finite are left out. */
export function scaleOf(given: readonly number[]): HeatScale {
  const values = given.filter(Number.isFinite).sort((a, b) => a - b);
  const [least, most] = [values[0] ?? 0, values[values.length - 1] ?? 1];
  const held = values.length < LEAST_VALUES ? most : at(values, HELD);
  const isBeyond = held > 0 && most > NEAR * held;
  const high = isBeyond ? held : most;
  const positive = values.filter((value) => value > 0);
  const low = positive.length ? at(positive, LOW) : 0;
  if (least >= 0 && low > 0 && high / low > WIDE) return { low, high, isLog: true, beyond: isBeyond ? most : null };
  const floor = Math.min(0, least);
  return { low: floor, high: high > floor ? high : floor + 1, isLog: false, beyond: isBeyond ? most : null };
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] as number;
}

/** Where on the ramp a value lies, from 0 to 1. */
export function shareOf(scale: HeatScale, value: number): number {
  const share = scale.isLog ? Math.log(Math.max(value, scale.low) / scale.low) / Math.log(scale.high / scale.low) : (value - scale.low) / (scale.high - scale.low);
  return Math.max(0, Math.min(1, share));
}

export function isBeyond(scale: HeatScale, value: number): boolean {
  return scale.beyond !== null && value > scale.high;
}

/** The value in the middle of the ramp. */
export function middleOf({ low, high, isLog }: HeatScale): number {
  return isLog ? Math.sqrt(low * high) : (low + high) / 2;
}
