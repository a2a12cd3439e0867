/** Distributions as the server counts them, and the bins in which a picture shows them. */

import { column, keyId, keyLabel, noteText, rowKey, seriesFinder, tagColumns, tellingTags } from "./frames";
import type { Cell, Column, Frame, Series } from "./wire";

export interface Distribution {
  id: string;
  label: string;
  series: Series | null;
  /** Values counted; 0 where none came, and `missing` says why. */
  count: number;
  missing: string;
  /** What the server says of it, such as p50, p95, p99. */
  quantiles: readonly { name: string; value: number }[];
  /** Stretches of values (low, high] with their counts, ascending; zero is the stretch from 0 to 0. */
  parts: readonly { low: number; high: number; count: number }[];
}

/** What lies below this is zero. */
const ZERO = 1e-6;

/** One distribution per row of a frame, the highest of the last quantile first; null for a frame without any. */
export function distributionsOf(frame: Frame, options: Record<string, unknown> = {}): { unit: string | null; all: Distribution[] } | null {
  const value = column(frame, options["value"]) ?? frame.columns.find((one) => one.kind === "sketch");
  if (!value || value.kind !== "sketch" || !value.gamma) return null;
  const tags = tagColumns(frame);
  const find = seriesFinder(frame);
  const keys = Array.from({ length: frame.rows }, (_, row) => rowKey(tags, row));
  const telling = tellingTags(keys);
  const told = names(options["quantiles"]).map((name) => column(frame, name)).filter((one): one is Column => one !== null);
  const all = keys.map((key, row): Distribution => {
    const parts = partsOf(value.values[row] ?? null, value.gamma as number);
    const quantiles = told.map((one) => ({ name: one.name, value: one.values[row] })).filter((one): one is { name: string; value: number } => typeof one.value === "number");
    return { id: keyId(key), label: keyLabel(key, telling), series: find(row), count: parts.reduce((sum, part) => sum + part.count, 0), missing: parts.length ? "" : noteText(value.notes?.[row]), quantiles, parts };
  });
  const last = (one: Distribution): number => one.quantiles[one.quantiles.length - 1]?.value ?? -1;
  return { unit: value.unit, all: all.sort((a, b) => last(b) - last(a)) };
}

function names(option: unknown): string[] {
  return Array.isArray(option) ? option.filter((one): one is string => typeof one === "string") : [];
}

function partsOf(cell: Cell, gamma: number): Distribution["parts"] {
  const counts = Object.entries((cell as unknown as Record<string, number> | null) ?? {});
  const parts = counts.map(([index, count]) => {
    const high = gamma ** Number(index);
    return high < ZERO ? { low: 0, high: 0, count } : { low: high / gamma, high, count };
  });
  return parts.sort((a, b) => a.high - b.high);
}

export interface Bins {
  /** Borders of the bins, ascending: one more than there are bins. */
  edges: readonly number[];
  isLog: boolean;
  /** Whether a bin holds all that lies below the first border, or above the last. */
  hasBelow: boolean;
  hasAbove: boolean;
}

/** Share of all values that may lie in the bin at either end. */
const REST = 0.003;
const MOST_BINS = 60;

/** Bins for some distributions: as many as can be told apart, over all but the last few values. */
export function binsOf(all: readonly Distribution[], isLog: boolean, most = MOST_BINS): Bins {
  const parts = all.flatMap((one) => one.parts.map((part) => ({ ...part, count: part.count / one.count }))).sort((a, b) => a.high - b.high);
  const [least, largest] = [parts.find((part) => part.high > 0), parts[parts.length - 1]];
  if (!least || !largest) return { edges: [0, 1], isLog: false, hasBelow: false, hasAbove: false };
  const low = isLog ? held(parts.filter((part) => part.high > 0), "low") : 0;
  const high = held([...parts].reverse(), "high");
  const hasBelow = isLog && (parts[0] as { low: number }).low < low;
  const edges = isLog ? logEdges(low, high, most) : Array.from({ length: most + 1 }, (_, i) => (high * i) / most);
  return { edges, isLog, hasBelow, hasAbove: largest.high > high };
}

/** The border of the first part, in the order given, beyond which no more than the rest lies. */
function held(parts: readonly { low: number; high: number; count: number }[], side: "low" | "high"): number {
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  let passed = 0;
  for (const part of parts) {
    passed += part.count;
    if (passed > total * REST) return part[side];
  }
  return parts[0]?.[side] ?? 1;
}

function logEdges(low: number, high: number, most: number): number[] {
  const bins = Math.max(1, Math.min(most, Math.round(Math.log(high / low) / Math.log(1.02))));
  return Array.from({ length: bins + 1 }, (_, i) => low * (high / low) ** (i / bins));
}

export interface Shares {
  below: number;
  inside: number[];
  above: number;
}

/** The share of a distribution's values in each bin; a stretch that several bins cut is spread over them. */
export function sharesOf(one: Distribution, { edges }: Bins): Shares {
  const inside = new Array<number>(edges.length - 1).fill(0);
  const [first, last] = [edges[0] as number, edges[edges.length - 1] as number];
  let [below, above, at] = [0, 0, 0];
  for (const { low, high, count } of one.parts) {
    const share = count / one.count;
    const within = (from: number, to: number): number => (high > low ? Math.max(0, Math.min(high, to) - Math.max(low, from)) / (high - low) : Number(high >= from && high < to));
    below += share * within(-Infinity, first);
    above += share * (high > low ? within(last, Infinity) : Number(high >= last));
    while (at > 0 && (edges[at] as number) > low) at--;
    for (let bin = at; bin < inside.length && (edges[bin] as number) <= high; bin++) {
      inside[bin] = (inside[bin] as number) + share * within(edges[bin] as number, edges[bin + 1] as number);
      at = bin;
    }
  }
  return { below, inside, above };
}

/** The bins as a table: for people who read numbers, or hear them. */
export function distributionTable(frame: Frame, options: Record<string, unknown> | undefined, isLog: boolean): Frame {
  const found = distributionsOf(frame, options);
  const all = found?.all.filter((one) => one.count) ?? [];
  const bins = binsOf(all, isLog);
  const rows = [...(bins.hasBelow ? [-1] : []), ...bins.edges.slice(1).map((_, i) => i), ...(bins.hasAbove ? [bins.edges.length - 1] : [])];
  const unit = found?.unit ?? null;
  const shares = all.map((one) => sharesOf(one, bins));
  const columns: Column[] = [
    { name: "from", kind: "gauge", unit, values: rows.map((bin) => (bin < 0 ? 0 : (bins.edges[bin] ?? null))) },
    { name: "to", kind: "gauge", unit, values: rows.map((bin) => bins.edges[bin + 1] ?? null), notes: bins.hasAbove ? { [rows.length - 1]: "no_upper_border" } : null },
    ...all.map((one, i): Column => {
      const { below, inside, above } = shares[i] as Shares;
      return { name: one.label || "values", kind: "gauge", unit: "ratio", values: rows.map((bin) => (bin < 0 ? below : (inside[bin] ?? above))) };
    }),
  ];
  return { ...frame, columns, rows: rows.length, series: [], spark: null };
}
