/** One cell: a value with its unit, a verdict, an age, or a way to somewhere. */

import type { JSX } from "preact";
import { view, type View } from "../address";
import { seriesStatus, statusNow } from "../ageing";
import { noteText } from "../frames";
import { Ago } from "../parts/age";
import { ClockMark } from "../parts/clock-mark";
import { Leading } from "../parts/leading";
import { StatusMark } from "../parts/status";
import { homeOf, writing } from "../state";
import { asStatus } from "../status";
import { write } from "../units";
import type { Column, Key, Panel, Series } from "../wire";

interface Props {
  column: Column;
  row: number;
  panel: Panel;
  /** On the first cell of a row: whose verdict stands before it. */
  series: Series | null;
  isNumeric: boolean;
  /** What there is to say of the clock that its value was measured with. */
  remark: string | null;
  /** Where the cell leads, when its row says so itself. */
  dashboard: string | null;
  /** All tags of the row: what one of them names may need the others. */
  keyOf?: Key;
}

export function TableCell({ column, row, panel, series, isNumeric, remark, dashboard, keyOf }: Props): JSX.Element {
  const cell = column.values[row] ?? null;
  const options = panel.options ?? {};
  if (cell === null) return <Missing note={column.notes?.[row]} isNumeric={isNumeric} />;
  const leadStatus = seriesStatus(series);
  const lead = leadStatus && <StatusMark quiet status={leadStatus} />;
  if (dashboard) {
    return (
      <td>
        <Leading change={{ dashboard, full: null }}>{String(cell)}</Leading>
      </td>
    );
  }
  if (column.kind === "tag") {
    const target = linkFor(options["links"], column.name, keyOf ?? { [column.name]: String(cell) });
    return (
      <td>
        {lead} {target ? <Leading change={target}>{String(cell)}</Leading> : String(cell)}
      </td>
    );
  }
  if (typeof cell === "number" && column.kind === "time" && names(options["age_columns"]).includes(column.name)) {
    return (
      <td class="num">
        <Ago us={cell} />
        <ClockMark remark={remark} />
      </td>
    );
  }
  const status = column.status?.[row];
  const { text, suffix } = write(cell, column.kind === "time" ? "us" : column.unit, { ...writing(options), isExact: options["every_column"] === true });
  const isWord = column.kind === "state" || column.kind === "flag";
  if (status && isWord) {
    const shown = statusNow(asStatus(status), series); // a word that is the verdict itself is not believed longer than its shape
    return (
      <td>
        <StatusMark status={shown} word={text === status ? shown : text} />
      </td>
    );
  }
  return (
    <td class={isNumeric ? "num" : "text"} title={isNumeric ? column.notes?.[row] && noteText(column.notes[row]) : text}>
      {lead}
      {status && status !== "up" && <StatusMark quiet status={asStatus(status)} />}
      {text}
      {suffix && <span class="unit"> {suffix}</span>}
      <ClockMark remark={remark} />
    </td>
  );
}

function Missing({ note, isNumeric }: { note: string | undefined; isNumeric: boolean }): JSX.Element {
  return (
    <td class={isNumeric ? "num dim" : "dim"} title={`No value: ${noteText(note)}`}>
      –<span class="sr"> no value: {noteText(note)}</span>
    </td>
  );
}

function names(option: unknown): string[] {
  return Array.isArray(option) ? option.filter((name): name is string => typeof name === "string") : [];
}

/** Where a tag in `links`, a list of tags, leads: to the page of its value, else it filters this dashboard. */
export function linkFor(links: unknown, tag: string, key: Key): Partial<View> | null {
  const value = key[tag];
  if (!value || !names(links).includes(tag)) return null;
  return homeOf(key, tag) ?? { vars: { ...view.value.vars, [tag]: [value] }, full: null };
}
