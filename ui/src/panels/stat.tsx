/** One tile per row: the value large, its status as shape, colour and word, its age when it is old. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { isLive, viewNow } from "../address";
import { statusNow, useAgeing } from "../ageing";
import { column, keyLabel, measureColumns, noteText, rowKey, seriesFinder, tagColumns, tellingTags } from "../frames";
import { Ago, Since } from "../parts/age";
import { ClockMark, clockRemark } from "../parts/clock-mark";
import { Leading } from "../parts/leading";
import { Sparkline } from "../parts/sparkline";
import { StatusMark } from "../parts/status";
import { useWidth } from "../parts/width";
import { useSparks } from "../sparks";
import { homeOf, writing } from "../state";
import { asStatus, isStale, worst } from "../status";
import { words, write, writeText } from "../units";
import type { Cell, Column, Frame, Key, Series, Status } from "../wire";
import type { PanelProps } from "./index";

interface Tile {
  label: string;
  key: Key;
  row: number;
  series: Series | null;
  /** The verdict on the shown value, else on its series; null when neither is judged, or when a good series sent no value. */
  status: Status | null;
  isStale: boolean;
  /** Why there is no value; null when there is one. */
  missing: string | null;
}

export function tilesOf(frame: Frame, value: Column, now: number, live: boolean): Tile[] {
  const tags = tagColumns(frame);
  const find = seriesFinder(frame);
  const keys = Array.from({ length: frame.rows }, (_, row) => rowKey(tags, row));
  const telling = tellingTags(keys);
  return keys.map((key, row) => {
    const series = find(row);
    const stale = live && series !== null && isStale(series, now);
    const saysAll = value.kind === "flag" || value.kind === "state";
    const status = tileStatus(value, row, series, stale, saysAll);
    const isMissing = (value.values[row] ?? null) === null;
    const reason = isMissing ? noteText(value.notes?.[row]) : null;
    return { label: keyLabel(key, telling), key, row, series, status: isMissing && status === "up" ? null : status, isStale: stale, missing: reason };
  });
}

/**
 * The verdict on the value. An old value, and any number of something that is down, is no better than its series; a word such as
 * "connected" speaks for itself, and red for another reason beside it would read as a contradiction. So would a number beside
 * another number that is past its line: it has only its own verdict.
 */
function tileStatus(value: Column, row: number, series: Series | null, stale: boolean, saysAll: boolean): Status | null {
  const told = value.status?.[row] ?? null;
  const isElsewhere = !stale && Boolean(series?.about) && series?.about !== (value.of ?? value.name);
  const now = isLive.peek() && !isElsewhere ? (series?.status ?? null) : null;
  const known = told && now && (stale || (now === "down" && !saysAll)) ? worst([told, now]) : (told ?? now);
  return known === null ? null : statusNow(asStatus(known), stale ? series : null);
}

const GAP_PX = 6;
const NUMBER_PX = 124;
const WORD_PX = 156;

/** As few rows as the width allows, filled evenly: a last row of one tile would shrink all others. */
export function columnsFor(count: number, width: number, isWords: boolean): number {
  const fit = Math.max(1, Math.floor((width + GAP_PX) / ((isWords ? WORD_PX : NUMBER_PX) + GAP_PX)));
  return Math.ceil(count / Math.ceil(count / fit));
}

export function StatPanel({ panel, frame }: PanelProps): JSX.Element {
  useAgeing(frame);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const sparks = useSparks(frame.spark);
  const measures = measureColumns(frame);
  const value = column(frame, panel.options?.["value"]) ?? measures[0];
  if (!value) return <div class="note">This answer has no value column.</div>;
  const others = measures.filter((measure) => measure !== value);
  const tiles = tilesOf(frame, value, viewNow.peek(), isLive.value);
  const columns = columnsFor(tiles.length, width, value.kind === "flag" || value.kind === "state" || value.kind === "text");
  return (
    <div ref={box} class={`stats ${tiles.length === 1 ? "is-single" : ""}`} role="list" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}>
      {tiles.map((tile) => {
        const trace = sparks?.of(tile.key);
        const why = [tile.label, tile.series?.reason].filter(Boolean).join(": ");
        return (
          <div class={`tile ${tile.status ?? ""} ${tile.isStale ? "is-stale" : ""}`} role="listitem" key={tile.label + tile.row} data-status={tile.status} data-stale={tile.isStale} title={why}>
            <div class="inside">
              {tile.label && <Label tile={tile} />}
              <Value cell={value.values[tile.row] ?? null} measure={value} unit={panel.unit ?? value.unit} options={panel.options} remark={value.by_clock ? clockRemark(frame, tile.key) : null} />
              {others.map((other) => (
                <span class="label" key={other.name}>
                  {words(other.name)} {writeText(other.values[tile.row], other.unit, writing(panel.options))}
                </span>
              ))}
              {sparks && trace && <Sparkline grid={sparks.grid} trace={trace} />}
              <Foot tile={tile} />
            </div>
          </div>
        );
      })}
    </div>
  );
}

/** Names the tile, and leads to the page of what it is about. */
function Label({ tile }: { tile: Tile }): JSX.Element {
  const home = homeOf(tile.key);
  return <span class="label name">{home ? <Leading change={home}>{tile.label}</Leading> : tile.label}</span>;
}

interface ValueProps {
  cell: Cell;
  measure: Column;
  unit: string | null;
  options: Record<string, unknown> | undefined;
  /** What there is to say of the clock it was measured with. */
  remark: string | null;
}

function Value({ cell, measure, unit, options, remark }: ValueProps): JSX.Element {
  if (typeof cell === "number" && isAgeColumn(measure, options)) {
    return (
      <span class="value is-word">
        <Ago us={cell} />
        <ClockMark remark={remark} />
      </span>
    );
  }
  const { text, suffix } = write(cell, unit, writing(options));
  return (
    <span class={`value ${typeof cell === "number" ? "" : "is-word"}`} title={measure.sentence ?? undefined}>
      {text}
      {suffix && <small>{suffix}</small>}
      {cell !== null && <ClockMark remark={remark} />}
    </span>
  );
}

function isAgeColumn(measure: Column, options: Record<string, unknown> | undefined): boolean {
  const named = options?.["age_columns"];
  return measure.kind === "time" && Array.isArray(named) && named.includes(measure.name);
}

/** What is not normal, in words. A quiet tile has an empty foot, so that nothing moves when it fills. */
function Foot({ tile }: { tile: Tile }): JSX.Element {
  const since = tile.series?.since_us;
  return (
    <span class="foot">
      {tile.status && <StatusMark status={tile.status} />}
      {tile.missing !== null && <span class="missing">{tile.missing}</span>}
      {tile.isStale && tile.series?.newest_us ? (
        <span class="age">
          <Ago us={tile.series.newest_us} />
        </span>
      ) : (
        tile.missing === null && tile.status && tile.status !== "up" && tile.status === tile.series?.status && since && isLive.value && (
          <span>
            for <Since us={since} />
          </span>
        )
      )}
    </span>
  );
}
