/** The numbers of a chart as a table, newest first: for people who read numbers, or hear them. */

import type { Grid } from "../grid";
import { type Mark, markText, marksFor } from "../marks";
import { writing } from "../state";
import type { Cell, Column, Frame, Panel } from "../wire";

export function gridTable(grid: Grid, frame: Frame, happened: readonly Mark[] = []): Frame {
  const slots: number[] = [];
  const traces = [...grid.traces.values()];
  for (let slot = grid.length - 1; slot >= 0; slot--) {
    if (marksIn(grid, slot, happened).length || traces.some((trace) => !Number.isNaN(trace.values[slot]) || trace.nulls.has(grid.timeUs(slot)))) slots.push(slot);
  }
  const time: Column = { name: "time", kind: "time", unit: "us", values: slots.map((slot) => grid.timeUs(slot)) };
  const columns = traces.map((trace): Column => {
    const values = slots.map((slot): Cell => (Number.isNaN(trace.values[slot]) ? null : (trace.values[slot] as number)));
    const notes: Record<string, string> = {};
    slots.forEach((slot, row) => {
      if (values[row] === null) notes[row] = trace.nulls.get(grid.timeUs(slot)) ?? "no row in this bucket";
    });
    return { name: trace.label, kind: "gauge", unit: trace.unit, values, notes };
  });
  if (happened.length) columns.push({ name: "happened", kind: "text", unit: null, values: slots.map((slot) => marksIn(grid, slot, happened).map((mark) => `${mark.title}, ${markText(mark, writing())}`).join("; ")) });
  return { ...frame, columns: [time, ...columns], rows: slots.length, series: [], spark: null };
}

function marksIn(grid: Grid, slot: number, happened: readonly Mark[]): Mark[] {
  const [from, until] = [grid.timeUs(slot), grid.timeUs(slot) + grid.bucketUs];
  return happened.filter((mark) => from <= mark.us && mark.us < until);
}

/** What a chart marks: all that concerns one of its lines; bars of events are marks themselves. */
export function chartMarks(panel: Panel, grid: Grid): Mark[] {
  if (panel.options?.["style"] === "bars") return [];
  return marksFor([...grid.traces.values()].map((trace) => trace.key));
}
