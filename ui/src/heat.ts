/** Cells of a heat map: two dimensions and a value, and the colours for values. */

import { column, measureColumns, noteText, tagColumns, timeColumn } from "./frames";
import { byName } from "./order";
import { rank } from "./status";
import { NO_VALUE, type Writing, writeText } from "./units";
import { type HeatScale, scaleOf } from "./heat-scale";
import type { Cell, Column, Frame, Status } from "./wire";

export interface HeatCell {
  value: Cell;
  status: Status | null;
  note: string | null;
  /** The row of the frame that is shown. */
  row: number;
}

export interface Heat {
  /** Over time, or a matrix of two tags. */
  isOverTime: boolean;
  value: Column;
  /** The tags of the two sides. */
  xTag: string;
  yTag: string;
  xs: Cell[];
  ys: Cell[];
  hasStatus: boolean;
  /** Whether there is a series there at all: without one nothing is missing. */
  isWatched(x: Cell, y: Cell): boolean;
  scale: HeatScale;
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
  const numbers: number[] = [];
  for (let row = 0; row < frame.rows; row++) {
    const cell: HeatCell = { value: value.values[row] ?? null, status: value.status?.[row] ?? null, note: value.notes?.[row] ? noteText(value.notes[row]) : null, row };
    const [at, name] = [x.values[row] ?? null, y.values[row] ?? null];
    let cells = rows.get(name);
    if (!cells) rows.set(name, (cells = new Map()));
    const before = cells.get(at);
    if (!before || isWorse(cell, before)) cells.set(at, cell);
    if (typeof cell.value === "number") numbers.push(cell.value);
  }
  const watched = new Set(frame.series.map((series) => pair(series.key[x.name] ?? null, series.key[y.name] ?? null)));
  return {
    isOverTime: x === time,
    value,
    xTag: x.name,
    yTag: y.name,
    xs: distinct(x),
    ys: distinct(y),
    hasStatus: Boolean(value.status?.some((status) => status !== null)),
    isWatched: (cx, cy) => watched.has(pair(cx, cy)),
    scale: scaleOf(numbers),
    at: (cx, cy) => rows.get(cy)?.get(cx),
    row: (cy) => [...(rows.get(cy) ?? [])].map(([at, cell]) => ({ x: at, cell })),
  };
}

/** A cell in words: its value, or why there is none. */
export function cellText(cell: HeatCell | undefined, unit: string | null, how: Writing): string {
  if (!cell) return "No data";
  return cell.value === null ? `${NO_VALUE} ${cell.note ?? "no value was sent"}` : writeText(cell.value, unit, how);
}

/** Where several rows meet in one cell, the worst is shown. */
function isWorse(a: HeatCell, b: HeatCell): boolean {
  if (a.status && b.status && a.status !== b.status) return rank(a.status) > rank(b.status);
  return Number(a.value ?? -Infinity) > Number(b.value ?? -Infinity);
}

/** The same matrix with its sides exchanged. */
export function turned(heat: Heat): Heat {
  return { ...heat, xTag: heat.yTag, yTag: heat.xTag, xs: heat.ys, ys: heat.xs, isWatched: (x, y) => heat.isWatched(y, x), at: (x, y) => heat.at(y, x), row: () => [] };
}

const LEAST_CELL_PX = 70;
const GLYPH_PX = 6.8;
const CELL_PADDING_PX = 16;

/** Pixels that a matrix needs so that no column is cut. */
export function matrixWidth(xs: readonly Cell[], ys: readonly Cell[]): number {
  const textPx = (cell: Cell): number => String(cell).length * GLYPH_PX + CELL_PADDING_PX;
  return Math.max(0, ...ys.map(textPx)) + xs.reduce<number>((sum, x) => sum + Math.max(LEAST_CELL_PX, textPx(x)), 0);
}

/** As given where it fits; with its sides exchanged where only that needs less width. */
export function fitting(heat: Heat, widthPx: number): Heat {
  const needed = matrixWidth(heat.xs, heat.ys);
  return needed > widthPx && matrixWidth(heat.ys, heat.xs) < needed ? turned(heat) : heat;
}

function pair(x: Cell, y: Cell): string {
  return JSON.stringify([x, y]);
}

function distinct(from: Column): Cell[] {
  const all = [...new Set(from.values)].filter((value) => value !== null);
  return all.sort((a, b) => (typeof a === "number" && typeof b === "number" ? a - b : byName(String(a), String(b))));
}

/** Between two colours #rrggbb, by a share from 0 to 1. */
export function mix(low: string, high: string, share: number): string {
  const part = (at: number): number => {
    const [from, to] = [Number.parseInt(low.slice(at, at + 2), 16), Number.parseInt(high.slice(at, at + 2), 16)];
    return Math.round(from + (to - from) * Math.max(0, Math.min(1, share)));
  };
  return `rgb(${part(1)} ${part(3)} ${part(5)})`;
}
