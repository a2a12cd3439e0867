/** One cell: a value with its unit, a verdict, an age, or a way to somewhere. */

import type { JSX } from "preact";
import { go, linkTo, view, type View } from "../address";
import { seriesStatus, statusNow } from "../ageing";
import { noteText } from "../frames";
import { Ago } from "../parts/age";
import { ClockMark } from "../parts/clock-mark";
import { StatusMark } from "../parts/status";
import { writing } from "../state";
import { asStatus } from "../status";
import { write } from "../units";
import type { Column, Panel, Series } from "../wire";

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
}

export function TableCell({ column, row, panel, series, isNumeric, remark, dashboard }: Props): JSX.Element {
  const cell = column.values[row] ?? null;
  const options = panel.options ?? {};
  if (cell === null) return <Missing note={column.notes?.[row]} isNumeric={isNumeric} />;
  const leadStatus = seriesStatus(series);
  const lead = leadStatus && <StatusMark quiet status={leadStatus} />;
  if (dashboard) {
    return (
      <td>
        <Drill target={{ dashboard, full: null }} text={String(cell)} />
      </td>
    );
  }
  if (column.kind === "tag") {
    const target = linkFor(options["links"], column.name, String(cell));
    return (
      <td>
        {lead} {target ? <Drill target={target} text={String(cell)} /> : String(cell)}
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
  const { text, suffix } = write(cell, column.kind === "time" ? "us" : column.unit, writing(options));
  const isWord = column.kind === "state" || column.kind === "flag";
  if (status && isWord) {
    return (
      <td>
        <StatusMark status={statusNow(asStatus(status), series)} word={text} />
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

/** `links` is a list of tags (filter this dashboard) or maps tags to the dashboard that shows one of them. */
export function linkFor(links: unknown, tag: string, value: string): Partial<View> | null {
  const vars = { ...view.value.vars, [tag]: [value] };
  if (names(links).includes(tag)) return { vars, full: null };
  const dashboard = !Array.isArray(links) && links !== null && typeof links === "object" ? (links as Record<string, unknown>)[tag] : undefined;
  return typeof dashboard === "string" ? { dashboard, vars, full: null } : null;
}

function Drill({ target, text }: { target: Partial<View>; text: string }): JSX.Element {
  const open = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(target);
  };
  return (
    <a href={linkTo(target)} onClick={open}>
      {text}
    </a>
  );
}
