/** Cells of a heat map: two dimensions and a value, and the colours for values. */

import { column, measureColumns, noteText, tagColumns, timeColumn } from "./frames";
import { rank } from "./status";
import type { Cell, Column, Frame, Status } from "./wire";

export interface HeatCell {
  value: Cell;
  status: Status | null;
  note: string | null;
}

export interface Heat {
  /** Over time, or a matrix of two tags. */
  isOverTime: boolean;
  value: Column;
  xs: Cell[];
  ys: Cell[];
  hasStatus: boolean;
  /** Whether there is a series there at all: without one nothing is missing. */
  isWatched(x: Cell, y: Cell): boolean;
  low: number;
  high: number;
  at(x: Cell, y: Cell): HeatCell | undefined;
  /** The cells that a row of the picture has, in no order. */
  row(y: Cell): readonly { x: Cell; cell: HeatCell }[];
}

export function heatOf(frame: Frame, options: Record<string, unknown> = {}): Heat | null {
  const time = timeColumn(frame);
  const tags = tagColumns(frame);
  const value = column(frame, options["value"]) ?? measureColumns(frame)[0];
  const x = column(frame, options["x"]) ?? time ?? tags[0];
  const y = column(frame, options["y"]) ?? tags.find((tag) => tag !== x);
  if (!value || !x || !y) return null;
  const rows = new Map<Cell, Map<Cell, HeatCell>>();
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < frame.rows; row++) {
    const cell: HeatCell = { value: value.values[row] ?? null, status: value.status?.[row] ?? null, note: value.notes?.[row] ? noteText(value.notes[row]) : null };
    const [at, name] = [x.values[row] ?? null, y.values[row] ?? null];
    let cells = rows.get(name);
    if (!cells) rows.set(name, (cells = new Map()));
    const before = cells.get(at);
    if (!before || isWorse(cell, before)) cells.set(at, cell);
    if (typeof cell.value === "number") [low, high] = [Math.min(low, cell.value), Math.max(high, cell.value)];
  }
  if (low > high) [low, high] = [0, 1];
  const watched = new Set(frame.series.map((series) => pair(series.key[x.name] ?? null, series.key[y.name] ?? null)));
  return {
    isOverTime: x === time,
    value,
    xs: distinct(x),
    ys: distinct(y),
    hasStatus: Boolean(value.status?.some((status) => status !== null)),
    isWatched: (cx, cy) => watched.has(pair(cx, cy)),
    low: Math.min(low, 0),
    high: high === Math.min(low, 0) ? high + 1 : high,
    at: (cx, cy) => rows.get(cy)?.get(cx),
    row: (cy) => [...(rows.get(cy) ?? [])].map(([at, cell]) => ({ x: at, cell })),
  };
}

/** Where several rows meet in one cell, the worst is shown. */
function isWorse(a: HeatCell, b: HeatCell): boolean {
  if (a.status && b.status && a.status !== b.status) return rank(a.status) > rank(b.status);
  return Number(a.value ?? -Infinity) > Number(b.value ?? -Infinity);
}

function pair(x: Cell, y: Cell): string {
  return JSON.stringify([x, y]);
}

function distinct(from: Column): Cell[] {
  const all = [...new Set(from.values)].filter((value) => value !== null);
  return all.sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true })));
}

/** Between two colours #rrggbb, by a share from 0 to 1. */
export function mix(low: string, high: string, share: number): string {
  const part = (at: number): number => {
    const [from, to] = [Number.parseInt(low.slice(at, at + 2), 16), Number.parseInt(high.slice(at, at + 2), 16)];
    return Math.round(from + (to - from) * Math.max(0, Math.min(1, share)));
  };
  return `rgb(${part(1)} ${part(3)} ${part(5)})`;
}
