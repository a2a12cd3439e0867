import { describe, expect, it } from "vitest";
import { keyLabel, mergeDelta, seriesFinder, spanUs, tellingTags } from "../src/frames";
import { S, T0, bucketed, column, frame, series } from "./frames";

describe("mergeDelta", () => {
  const before = bucketed([[0, "a", 1], [1, "a", 2], [2, "a", null]], {}, { notes: { "2": "nan" }, status: ["up", "up", null] });

  it("replaces from the given bucket on and keeps what is older", () => {
    const merged = mergeDelta(before, bucketed([[2, "a", 3], [3, "a", 4]], {}, { status: ["up", "down"] }), T0 + 20 * S);
    expect(merged.columns[2]?.values).toEqual([1, 2, 3, 4]);
    expect(merged.columns[2]?.status).toEqual(["up", "up", "up", "down"]);
    expect(merged.columns[2]?.notes).toEqual({});
    expect(merged.rows).toBe(4);
  });

  it("keeps the reasons of kept nulls and moves those of new ones", () => {
    const merged = mergeDelta(before, bucketed([[3, "a", null]], {}, { notes: { "0": "out_of_range" } }), T0 + 30 * S);
    expect(merged.columns[2]?.values).toEqual([1, 2, null, null]);
    expect(merged.columns[2]?.notes).toEqual({ "2": "nan", "3": "out_of_range" });
  });

  it("lets rows before the new start fall out, but keeps the bucket that the start cuts", () => {
    const merged = mergeDelta(before, bucketed([[3, "a", 4]], { start_us: T0 + 15 * S }), T0 + 30 * S);
    expect(merged.columns[2]?.values).toEqual([2, null, 4]);
  });

  it("takes series and meta from the delta", () => {
    const merged = mergeDelta(before, bucketed([], { series: [series({ venue: "a" }, { status: "down" })], rows_behind: 99 }), T0 + 30 * S);
    expect(merged.series[0]?.status).toBe("down");
    expect(merged.rows_behind).toBe(99);
  });

  it("takes a delta with other columns as a whole", () => {
    const other = frame([column("bucket", "time", [T0]), column("count", "interval", [5])], { bucket_us: 10 * S });
    expect(mergeDelta(before, other, T0)).toBe(other);
  });
});

describe("series of a row", () => {
  it("is found by the tags they share", () => {
    const found = frame([column("venue", "tag", ["a", "b"]), column("symbol", "tag", ["x", "x"]), column("v", "gauge", [1, 2])], {
      series: [series({ symbol: "x", venue: "b" }), series({ venue: "a", symbol: "x" })],
    });
    expect(seriesFinder(found)(0)?.key).toEqual({ venue: "a", symbol: "x" });
    expect(seriesFinder(found)(1)?.key).toEqual({ venue: "b", symbol: "x" });
  });

  it("is the only one when rows have no tags, and none when there are several", () => {
    const plain = [column("v", "gauge", [1])];
    expect(seriesFinder(frame(plain, { series: [series({})] }))(0)).not.toBeNull();
    const verdicts = frame([column("status", "state", ["down", "degraded"])], { table: "verdicts", series: [series({ venue: "b" }, { status: "down" }), series({ venue: "c" }), series({ venue: "a" }, { status: "degraded" })] });
    expect([0, 1, 2].map((row) => seriesFinder(verdicts)(row)?.key["venue"])).toEqual(["b", "a", undefined]);
    expect(seriesFinder(frame(plain, { series: [series({ venue: "a" }), series({ venue: "b" })] }))(0)).toBeNull();
  });

  it("is labelled by the tags that differ", () => {
    const keys = [{ env: "live", venue: "a" }, { env: "live", venue: "b" }];
    expect(tellingTags(keys)).toEqual(["venue"]);
    expect(keyLabel(keys[1] ?? {}, ["venue"])).toBe("b");
    expect(tellingTags([{ env: "live", host: "h1" }])).toEqual(["host"]);
  });
});

it("covers the page's range unless a panel looks back by itself", () => {
  expect(spanUs(bucketed([], { start_us: T0, end_us: T0 + 70 * S }), 60 * S)).toBe(60 * S);
  expect(spanUs(bucketed([], { start_us: T0, end_us: T0 + 86_400 * S }), 3600 * S)).toBe(86_400 * S);
});
