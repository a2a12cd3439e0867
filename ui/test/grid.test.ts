import { describe, expect, it } from "vitest";
import { Grid, breaks, currentValue, type Trace } from "../src/grid";
import { frameOfGrid } from "../src/last-state";
import type { Cell, Frame } from "../src/wire";
import { S, T0, bucketed, column, frame, series } from "./frames";

function gridOf(rows: [number, string, Cell][], more: Partial<Frame> = {}): { grid: Grid; a: Trace } {
  const grid = new Grid();
  grid.apply(bucketed(rows, more), null);
  return { grid, a: grid.traces.get("venue=a") as Trace };
}

describe("Grid", () => {
  it("puts rows on one axis of buckets, missing ones as NaN, zero as zero", () => {
    const { grid, a } = gridOf([[0, "a", 0], [2, "a", 3], [0, "b", 7]]);
    expect(grid.length).toBe(6);
    expect([...grid.x.slice(0, 2)]).toEqual([T0 / S, T0 / S + 10]);
    expect([...a.values]).toEqual([0, NaN, 3, NaN, NaN, NaN]);
    expect([...(grid.traces.get("venue=b")?.values ?? [])][0]).toBe(7);
    expect(a.label).toBe("a");
  });

  it("equals a fresh snapshot after any sequence of deltas", () => {
    const { grid } = gridOf([[0, "a", 1], [1, "a", 2], [2, "a", 3], [0, "b", 9]]);
    const window = { start_us: T0 + 10 * S, end_us: T0 + 80 * S };
    grid.apply(bucketed([[2, "a", 30], [3, "a", null], [6, "a", 6]], { ...window, series: [series({ venue: "a" }), series({ venue: "b" })] }), T0 + 20 * S);
    const whole = new Grid();
    whole.apply(bucketed([[1, "a", 2], [2, "a", 30], [3, "a", null], [6, "a", 6]], window), null);
    expect([...grid.traces.keys()]).toEqual(["venue=a"]);
    expect([...(grid.traces.get("venue=a")?.values ?? [])]).toEqual([...(whole.traces.get("venue=a")?.values ?? [])]);
    expect([...grid.x]).toEqual([...whole.x]);
    expect([...(grid.traces.get("venue=a")?.nulls.keys() ?? [])]).toEqual([T0 + 30 * S]);
  });

  it("keeps one trace per measure when there are several", () => {
    const grid = new Grid();
    grid.apply(frame([column("bucket", "time", [T0]), column("p50_ms", "gauge", [1]), column("p99_ms", "gauge", [2])], { bucket_us: 10 * S, series: [series({})] }), null);
    expect([...grid.traces.values()].map((trace) => trace.label)).toEqual(["p50", "p99"]);
  });

  it("takes rows without buckets at their own times", () => {
    const grid = new Grid();
    grid.apply(frame([column("ts", "time", [T0 + 3 * S, T0, T0 + 3 * S]), column("venue", "tag", ["a", "a", "b"]), column("v", "gauge", [2, 1, 5])]), null);
    expect([...grid.x]).toEqual([T0 / S, T0 / S + 3]);
    expect([...(grid.traces.get("venue=a")?.values ?? [])]).toEqual([1, 2]);
  });

  it("does not pass off an older value as the current one", () => {
    const { grid, a } = gridOf([[0, "a", 1], [1, "a", null]]);
    expect(currentValue(grid, a)).toBeNaN();
    expect(currentValue(...(Object.values(gridOf([[0, "a", null], [1, "a", 2]])) as [Grid, Trace]))).toBe(2);
  });

  it("takes the last whole bucket as current where asked, unless there is none", () => {
    const { grid, a } = gridOf([[0, "a", 60], [1, "a", 3]]);
    expect(currentValue(grid, a)).toBe(3);
    expect(currentValue(grid, a, T0 + 14 * S)).toBe(60);
    expect(currentValue(grid, a, T0 + 20 * S)).toBe(3);
    const { grid: young, a: first } = gridOf([[0, "a", 6]]);
    expect(currentValue(young, first, T0 + 4 * S)).toBe(6);
  });
});

describe("breaks", () => {
  const at = ({ grid, a }: { grid: Grid; a: Trace }): number[] => [...breaks(grid, a)].flatMap((begins, slot) => (begins ? [slot] : []));

  it("joins neighbours and the spacing that is usual", () => {
    expect(at(gridOf([[0, "a", 1], [1, "a", 2], [2, "a", 3]]))).toEqual([0]);
    expect(at(gridOf([[0, "a", 1], [2, "a", 2], [4, "a", 3]], { series: [series({ venue: "a" }, { expected_us: 20 * S })] }))).toEqual([0]);
  });

  it("breaks at a null", () => expect(at(gridOf([[0, "a", 1], [1, "a", null], [2, "a", 3]]))).toEqual([0, 2]));

  it("breaks where rows were due", () => expect(at(gridOf([[0, "a", 1], [1, "a", 1], [4, "a", 3]]))).toEqual([0, 4]));

  it("breaks at a hole that the server names, however short", () => {
    const holes = [{ start_us: T0 + 10 * S, end_us: T0 + 20 * S, why: "collector down" }];
    expect(at(gridOf([[0, "a", 1], [2, "a", 3]], { series: [series({ venue: "a" }, { holes, expected_us: 60 * S })] }))).toEqual([0, 2]);
  });
});

describe("edges", () => {
  const withEdges = (rows: [number, string, Cell][], low: Cell[], high: Cell[], more: Partial<Frame> = {}): Frame => {
    const plain = bucketed(rows, more);
    return { ...plain, columns: [...plain.columns, column("latency_ms__low", "gauge", low), column("latency_ms__high", "gauge", high)] };
  };

  it("are bounds of their measure and no lines of their own", () => {
    const grid = new Grid();
    grid.apply(withEdges([[0, "a", 5], [1, "a", 6]], [1, 2], [9, 4321]), null);
    expect([...grid.traces.keys()]).toEqual(["venue=a"]);
    const edges = grid.traces.get("venue=a")?.edges;
    expect([...(edges?.low.slice(0, 3) ?? [])]).toEqual([1, 2, NaN]);
    expect([...(edges?.high.slice(0, 3) ?? [])]).toEqual([9, 4321, NaN]);
  });

  it("move and are replaced with their values", () => {
    const grid = new Grid();
    grid.apply(withEdges([[0, "a", 5], [1, "a", 6]], [1, 2], [9, 8]), null);
    const later = { start_us: T0 + 10 * S, end_us: T0 + 70 * S };
    grid.apply(withEdges([[1, "a", 7], [2, "a", 8]], [3, 4], [7, 6], later), T0 + 10 * S);
    const edges = grid.traces.get("venue=a")?.edges;
    expect([...(edges?.low.slice(0, 3) ?? [])]).toEqual([3, 4, NaN]);
  });
});

describe("a kept chart", () => {
  it("is the frame that gives the same grid", () => {
    const given = bucketed([[0, "a", 1], [0, "b", 2], [1, "a", null], [3, "b", 0]]);
    const grid = new Grid();
    grid.apply(given, null);
    const again = new Grid();
    again.apply(frameOfGrid(grid, given) as Frame, null);
    expect([...again.traces].map(([id, trace]) => [id, [...trace.values], [...trace.nulls.keys()]])).toEqual([...grid.traces].map(([id, trace]) => [id, [...trace.values], [...trace.nulls.keys()]]));
  });
});
