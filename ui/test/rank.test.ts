import { describe, expect, it } from "vitest";
import { Grid } from "../src/grid";
import { envelope, rankTraces } from "../src/rank";
import { T0, bucketed, series } from "./frames";

function tracesOf(values: Record<string, number | null>, statuses: Record<string, "down" | "degraded"> = {}, above = true) {
  const grid = new Grid();
  const rows = Object.entries(values).map(([venue, value]): [number, string, number | null] => [0, venue, value]);
  const all = Object.keys(values).map((venue) => series({ venue }, { status: statuses[venue] ?? "up" }));
  grid.apply(bucketed(rows, { series: all }, { thresholds: { degraded: 1, down: 2, above } }), null);
  return { grid, traces: [...grid.traces.values()] };
}

const names = (traces: { label: string }[]): string[] => traces.map((trace) => trace.label);

describe("rankTraces", () => {
  it("draws the worst status first, then the worst value, and counts the rest", () => {
    const { traces } = tracesOf({ a: 1, b: 9, c: 5, d: 2 }, { d: "degraded", a: "down" });
    const { drawn, rest } = rankTraces(traces, T0, 3);
    expect(names(drawn)).toEqual(["a", "d", "b"]);
    expect(names(rest)).toEqual(["c"]);
  });

  it("takes small values as worse where small is bad", () => {
    expect(names(rankTraces(tracesOf({ a: 1, b: 9 }, {}, false).traces, T0).drawn)).toEqual(["a", "b"]);
  });

  it("keeps ties in place and values before no value", () => {
    expect(names(rankTraces(tracesOf({ b: 1, a: 1, c: null }).traces, T0).drawn)).toEqual(["a", "b", "c"]);
  });
});

it("encloses all of the rest", () => {
  const { grid, traces } = tracesOf({ a: 1, b: 9, c: 5 });
  const { low, high } = envelope(traces, grid.length);
  expect([low[0], high[0]]).toEqual([1, 9]);
  expect(low[1]).toBeNaN();
});
