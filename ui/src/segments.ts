/** States over time as segments: what held from when to when, and where nothing is known. */

import { keyId, keyLabel, measureColumns, noteText, rowKey, seriesFinder, tagColumns, tellingTags, timeColumn } from "./frames";
import { byName } from "./order";
import { asStatus } from "./status";
import { type Writing, words, writeText } from "./units";
import type { Column, Frame, Key, Series, Status } from "./wire";

export interface Segment {
  startUs: number;
  endUs: number;
  /** Null where nothing is known. */
  status: Status | null;
  text: string;
}

export interface Lane {
  label: string;
  key: Key;
  series: Series | null;
  segments: Segment[];
  /** Time without a row for which the newest state is believed. */
  holdUs: number;
}

/** One lane per series and measure, by name. */
export function lanesOf(frame: Frame, how: Writing): Lane[] {
  const time = timeColumn(frame);
  if (!time) return [];
  const tags = tagColumns(frame);
  const find = seriesFinder(frame);
  const measures = measureColumns(frame);
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < frame.rows; row++) {
    const id = keyId(rowKey(tags, row));
    const rows = rowsOf.get(id);
    if (rows) rows.push(row);
    else rowsOf.set(id, [row]);
  }
  const telling = tellingTags([...rowsOf.values()].map((rows) => rowKey(tags, rows[0] as number)));
  const lanes = [...rowsOf.values()].flatMap((rows) => {
    rows.sort((a, b) => Number(time.values[a]) - Number(time.values[b]));
    const first = rows[0] as number;
    const name = keyLabel(rowKey(tags, first), telling);
    const series = find(first);
    return measures.map((measure): Lane => ({
      label: measures.length > 1 || !name ? [name, words(measure.name)].filter(Boolean).join(" ") : name,
      key: rowKey(tags, first),
      series,
      segments: segmentsOf(frame, time, measure, rows, series, how),
      holdUs: widest(frame, series),
    }));
  });
  return lanes.sort((a, b) => byName(a.label, b.label));
}

/** Longer silence than this is a hole, as on the server. */
function widest(frame: Frame, series: Series | null): number {
  const bucketUs = frame.bucket_us ?? 0;
  return 2 * (series?.expected_us ?? bucketUs) + bucketUs;
}

function segmentsOf(frame: Frame, time: Column, measure: Column, rows: readonly number[], series: Series | null, how: Writing): Segment[] {
  const bucketUs = frame.bucket_us ?? 0;
  const widestUs = widest(frame, series);
  const out: Segment[] = [];
  for (const row of rows) {
    const startUs = Number(time.values[row]);
    const last = out.at(-1);
    if (last && startUs > last.endUs) bridge(out, last, startUs, startUs - (last.endUs - bucketUs) > widestUs, series);
    const next = segmentAt(measure, row, startUs, startUs + bucketUs, how);
    const open = out.at(-1);
    if (open && open.text === next.text && open.status === next.status && open.endUs === next.startUs) open.endUs = next.endUs;
    else out.push(next);
  }
  return out;
}

function segmentAt(measure: Column, row: number, startUs: number, endUs: number, how: Writing): Segment {
  const value = measure.values[row] ?? null;
  if (value === null) return { startUs, endUs, status: null, text: noteText(measure.notes?.[row]) };
  return { startUs, endUs, status: asStatus(measure.status?.[row]), text: writeText(value, measure.unit, how) };
}

/** Between two rows: the state held on while the next row was not due; longer silence is a hole. */
function bridge(out: Segment[], last: Segment, untilUs: number, isHole: boolean, series: Series | null): void {
  if (!isHole) {
    last.endUs = untilUs;
    return;
  }
  const why = series?.holes?.find((hole) => hole.start_us < untilUs && hole.end_us > last.endUs)?.why;
  out.push({ startUs: last.endUs, endUs: untilUs, status: null, text: why ?? "no rows" });
}

/** What follows the newest row: the state holds while the next row is not due, then nothing is known. */
export function tailOf(lane: Lane, nowUs: number): Segment[] {
  const last = lane.segments.at(-1);
  if (!last || last.endUs >= nowUs) return [];
  if (nowUs - last.endUs <= lane.holdUs) return [{ ...last, startUs: last.endUs, endUs: nowUs }];
  return [{ startUs: last.endUs, endUs: nowUs, status: null, text: "no rows since" }];
}
