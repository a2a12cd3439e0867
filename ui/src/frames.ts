/** Frames as the page uses them: columns by role, rows by series, deltas merged. */

import type { Cell, Column, Frame, Key, Series } from "./wire";

/** The time column of a bucketed frame: the first column, when it is a time. */
export function timeColumn(frame: Frame): Column | null {
  const first = frame.columns[0];
  if (!first || first.kind !== "time") return null;
  return frame.bucket_us || first.name === "bucket" || first.name === "ts" ? first : null;
}

export function tagColumns(frame: Frame): Column[] {
  return frame.columns.filter((column) => column.kind === "tag");
}

const BOOKKEEPING = new Set(["received_at", "flags"]);

/** The extremes of a measure within each bucket stand in columns of these names. */
const EDGE = /^(.+)__(low|high)$/;

/** Which edge of which measure a column is; null for a measure of its own. */
export function edgeOf(name: string): { measure: string; side: "low" | "high" } | null {
  const found = EDGE.exec(name);
  return found ? { measure: found[1] as string, side: found[2] as "low" | "high" } : null;
}

/** Everything that is measured: neither the time of the row, nor a tag, nor our own bookkeeping. */
export function measureColumns(frame: Frame): Column[] {
  const time = timeColumn(frame);
  return frame.columns.filter((column) => column !== time && column.kind !== "tag" && !BOOKKEEPING.has(column.name) && edgeOf(column.name) === null);
}

export function column(frame: Frame, name: unknown): Column | null {
  return frame.columns.find((candidate) => candidate.name === name) ?? null;
}

/** One text per key, whatever the order of its tags. */
export function keyId(key: Key): string {
  return Object.keys(key).sort().map((tag) => `${tag}=${key[tag] ?? ""}`).join(",");
}

export function rowKey(tags: readonly Column[], row: number): Key {
  const key: Key = {};
  for (const tag of tags) key[tag.name] = tag.values[row] as string | null;
  return key;
}

/** Finds the series a row belongs to: the one whose key agrees with the row's tags. */
export function seriesFinder(frame: Frame): (row: number) => Series | null {
  if (frame.table === "verdicts") {
    // its rows are the series that are not up, in the order of all of them
    const told = frame.series.filter((series) => series.status !== "up");
    return (row) => told[row] ?? null;
  }
  const used = tagColumns(frame).filter((tag) => frame.series.some((series) => tag.name in series.key));
  if (!used.length) return () => (frame.series.length === 1 ? (frame.series[0] ?? null) : null);
  const joined = (valueOf: (tag: Column) => unknown): string => used.map((tag) => valueOf(tag) ?? "").join("\u0000");
  const known = new Map(frame.series.map((series) => [joined((tag) => series.key[tag.name]), series]));
  return (row) => known.get(joined((tag) => tag.values[row])) ?? null;
}

/** The stretch of time a picture covers, in microseconds: the page's, unless the panel looks back by a length of its own. */
export function spanUs(frame: Frame, pageUs: number): number {
  const own = frame.end_us - frame.start_us;
  const slack = 2 * (frame.bucket_us ?? 0) + pageUs * 0.1;
  return Math.abs(own - pageUs) > slack ? own : pageUs;
}

/** Tags whose value differs between series; the others say nothing in a label. */
export function tellingTags(keys: readonly Key[]): string[] {
  const names = [...new Set(keys.flatMap((key) => Object.keys(key)))];
  const telling = names.filter((name) => new Set(keys.map((key) => key[name] ?? null)).size > 1);
  if (telling.length) return telling;
  return names.filter((name) => name !== "env" && name !== "source").slice(0, 1);
}

/** A series in words: "binance · BTC/USDT". */
export function keyLabel(key: Key, tags: readonly string[]): string {
  return tags.map((tag) => key[tag]).filter((value) => value !== null && value !== undefined && value !== "").join(" · ");
}

/** The frame after a delta: rows from `replaceFromUs` on are replaced, rows before the new start fall out, the rest is taken over. */
export function mergeDelta(before: Frame, delta: Frame, replaceFromUs: number | null | undefined): Frame {
  const time = timeColumn(before);
  if (!time || !sameColumns(before, delta)) return delta;
  const from = replaceFromUs ?? Infinity;
  const kept: number[] = [];
  time.values.forEach((value, row) => {
    if (typeof value === "number" && value < from && value >= delta.start_us - (delta.bucket_us ?? 0) + 1) kept.push(row);
  });
  const columns = delta.columns.map((next, i) => mergeColumn(before.columns[i] as Column, next, kept));
  return { ...delta, columns, rows: kept.length + delta.rows };
}

function sameColumns(a: Frame, b: Frame): boolean {
  return a.columns.length === b.columns.length && a.columns.every((one, i) => one.name === b.columns[i]?.name);
}

function mergeColumn(old: Column, next: Column, kept: readonly number[]): Column {
  const values: Cell[] = kept.map((row) => old.values[row] ?? null).concat(next.values);
  const merged: Column = { ...next, values };
  if (old.status || next.status) {
    merged.status = kept.map((row) => old.status?.[row] ?? null).concat(next.status ?? next.values.map(() => null));
  }
  if (old.notes || next.notes) merged.notes = mergeNotes(old, next, kept);
  return merged;
}

function mergeNotes(old: Column, next: Column, kept: readonly number[]): Record<string, string> {
  const notes: Record<string, string> = {};
  kept.forEach((row, i) => {
    const note = old.notes?.[row];
    if (note) notes[i] = note;
  });
  for (const [row, note] of Object.entries(next.notes ?? {})) notes[Number(row) + kept.length] = note;
  return notes;
}

const REASONS: Record<string, string> = {
  nan: "not a number was sent",
  infinite: "an infinite number was sent",
  wrong_type: "the value had the wrong type",
  out_of_range: "the value was outside its range",
  future_time: "its time was in the future; stored as received",
  unknown_venue: "the venue is not known",
  unknown_symbol: "the symbol is not known",
  clock_unsynchronised: "the host's clock is not synchronised",
};

/** Why a value is missing or marked, in words. */
export function noteText(note: string | undefined): string {
  if (!note) return "no value was sent";
  return REASONS[note] ?? note.replaceAll("_", " ");
}
