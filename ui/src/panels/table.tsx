/** Rows with units, verdicts, ages and small curves. More than 200 rows are drawn as far as they are seen. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { isLive, view, viewNow } from "../address";
import { useAgeing } from "../ageing";
import { rowKey, seriesFinder, tagColumns } from "../frames";
import { isBlind } from "../live";
import { byName } from "../order";
import { clockRemark } from "../parts/clock-mark";
import { Sparkline } from "../parts/sparkline";
import { useSparks } from "../sparks";
import { ORDER, isStale, rank } from "../status";
import { words } from "../units";
import type { Cell, Column, Frame, Status } from "../wire";
import type { PanelProps } from "./index";
import { TableCell } from "./table-cell";
import { namesOf, signatureOf, useDrawnRows } from "./table-rows";

const ALL_DRAWN = 200;
const SPARE = 10;
const HIDDEN = new Set(["received_at", "flags", "bucket"]);
const STATUS = "status";

export interface Sort {
  column: string;
  isDown: boolean;
}

/** "latency_ms", "-latency_ms" or {"column", "descending"} as a sort; null keeps the server's order. */
export function parseSort(option: unknown): Sort | null {
  if (typeof option === "string" && option) return { column: option.replace(/^-/, ""), isDown: option.startsWith("-") };
  const given = option as { column?: unknown; descending?: unknown } | null | undefined;
  return typeof given?.column === "string" ? { column: given.column, isDown: given.descending === true } : null;
}

/** Row numbers in order; nulls always last, equal values keep the server's order. "status" sorts by the worst verdict in the row. */
export function sortedRows(frame: Frame, sort: Sort | null): number[] {
  const rows = Array.from({ length: frame.rows }, (_, row) => row);
  if (sort?.column === STATUS && !frame.columns.some((one) => one.name === STATUS)) {
    const ranks = rowRanks(frame);
    return rows.sort((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0) || a - b);
  }
  const values = frame.columns.find((one) => one.name === sort?.column)?.values;
  if (!sort || !values) return rows;
  return rows.sort((a, b) => compare(values[a] ?? null, values[b] ?? null, sort.isDown) || a - b);
}

/** How bad each row is: first its series, then the worst verdict on a value in it, which may be out of sight. */
function rowRanks(frame: Frame): number[] {
  const find = seriesFinder(frame);
  return Array.from({ length: frame.rows }, (_, row) => {
    const series = find(row);
    const told = frame.columns.map((one) => one.status?.[row]).filter((status): status is Status => Boolean(status));
    return ORDER.length * (series ? rank(series.status) : 0) + Math.max(0, ...told.map(rank));
  });
}

function compare(a: Cell, b: Cell, isDown: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = typeof a === "string" || typeof b === "string" ? byName(String(a), String(b)) : Number(a) - Number(b);
  return isDown ? -order : order;
}

/** Columns in reading order: who, when, what. */
export function shownColumns(frame: Frame, isEvery = false): Column[] {
  const tags = tagColumns(frame);
  const telling = tags.filter((tag) => tag.name !== "env" || new Set(tag.values).size > 1);
  const isVerdicts = frame.table === "verdicts";
  const rest = frame.columns.filter((one) => one.kind !== "tag" && (isEvery ? one.values.some((value) => value !== null) : !HIDDEN.has(one.name)) && !(isVerdicts && one.name === "dashboard"));
  return [...telling, ...rest];
}

function isNumeric(column: Column): boolean {
  return !["tag", "state", "text", "id", "flag"].includes(column.kind);
}

export function TablePanel(props: PanelProps): JSX.Element {
  const { panel, frame } = props;
  useAgeing(frame);
  const [chosen, choose] = useState<Sort | null>(null);
  const [seen, look] = useState({ top: 0, height: 600, row: 28 });
  const sparks = useSparks(frame.spark);
  const sort = chosen ?? parseSort(panel.options?.["sort"]);
  const rows = useMemo(() => sortedRows(frame, sort), [frame, sort?.column, sort?.isDown]);
  const columns = shownColumns(frame, panel.options?.["every_column"] === true);
  const find = useMemo(() => seriesFinder(frame), [frame]);
  const isVirtual = rows.length > ALL_DRAWN;
  const from = isVirtual ? Math.max(0, Math.floor(seen.top / seen.row) - SPARE) : 0;
  const to = isVirtual ? Math.min(rows.length, Math.ceil((seen.top + seen.height) / seen.row) + SPARE) : rows.length;
  const tags = tagColumns(frame);
  const now = viewNow.peek();
  const names = useMemo(() => namesOf(frame, tags), [frame]);
  const drawn = useDrawnRows([panel, sparks, columns.map((column) => column.name).join(), JSON.stringify(view.value), isBlind.value, isLive.value, JSON.stringify(frame.unsynchronised ?? {})]);
  const scrolled = (event: Event): void => {
    const box = event.currentTarget as HTMLElement;
    const row = box.querySelector<HTMLElement>("tbody tr:not(.spacer)")?.offsetHeight ?? 28;
    look({ top: box.scrollTop, height: box.clientHeight, row });
  };
  const click = (column: Column): void => choose({ column: column.name, isDown: sort?.column === column.name ? !sort.isDown : isNumeric(column) });
  return (
    <div class="table" tabIndex={0} role="region" aria-label={`${panel.title}, table`} onScroll={isVirtual ? scrolled : undefined} data-oldest={oldest(frame)}>
      <table aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={isNumeric(column) ? "num" : ""} aria-sort={sort?.column === column.name ? (sort.isDown ? "descending" : "ascending") : "none"} title={column.sentence ?? undefined}>
                <button type="button" onClick={() => click(column)}>
                  {words(column.name)}
                  {sort?.column === column.name ? (sort.isDown ? " ↓" : " ↑") : ""}
                </button>
              </th>
            ))}
            {sparks && <th scope="col">trend</th>}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <Spacer height={from * seen.row} columns={columns.length} />}
          {rows.slice(from, to).map((row, i) => {
            const series = find(row);
            const key = rowKey(tags, row);
            const stale = isLive.value && series !== null && isStale(series, now) && tags.length > 0;
            return drawn.row(names[row] as string, signatureOf(columns, row, isVirtual ? from + i : null, stale, series), (name) => {
              const trace = sparks?.of(key);
              return (
                <tr key={name} class={stale ? "is-stale" : ""} aria-rowindex={isVirtual ? from + i + 2 : undefined} data-stale={stale} title={series?.reason ?? undefined}>
                  {columns.map((column, at) => (
                    <TableCell key={column.name} column={column} row={row} panel={panel} series={at === 0 && (tags.length > 0 || frame.table === "verdicts") ? series : null} isNumeric={isNumeric(column)} remark={column.by_clock ? clockRemark(frame, key) : null} dashboard={verdictOf(frame, column, row)} keyOf={key} />
                  ))}
                  {sparks && <td>{trace && <Sparkline grid={sparks.grid} trace={trace} />}</td>}
                </tr>
              );
            });
          })}
          {to < rows.length && <Spacer height={(rows.length - to) * seen.row} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

/** The oldest time of rows as they are stored: where further ones begin. */
function oldest(frame: Frame): number | undefined {
  const times = frame.columns.find((one) => one.name === "ts")?.values.filter((time): time is number => typeof time === "number");
  return times?.length ? Math.min(...times) : undefined;
}

/** In a list of verdicts the subject leads to the dashboard that shows it. */
function verdictOf(frame: Frame, column: Column, row: number): string | null {
  if (frame.table !== "verdicts" || column.name !== "subject") return null;
  return (frame.columns.find((one) => one.name === "dashboard")?.values[row] as string | null) || null;
}

function Spacer({ height, columns }: { height: number; columns: number }): JSX.Element {
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns + 1} style={{ height: `${height}px` }} />
    </tr>
  );
}
