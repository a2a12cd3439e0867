/** The numbers of a chart as a table, newest first: for people who read numbers, or hear them. */

import type { Grid } from "../grid";
import type { Cell, Column, Frame } from "../wire";

export function gridTable(grid: Grid, frame: Frame): Frame {
  const slots: number[] = [];
  const traces = [...grid.traces.values()];
  for (let slot = grid.length - 1; slot >= 0; slot--) {
    if (traces.some((trace) => !Number.isNaN(trace.values[slot]) || trace.nulls.has(grid.timeUs(slot)))) slots.push(slot);
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
  return { ...frame, columns: [time, ...columns], rows: slots.length, series: [], spark: null };
}
