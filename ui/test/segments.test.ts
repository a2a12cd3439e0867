import { describe, expect, it } from "vitest";
import { lanesOf, tailOf } from "../src/segments";
import type { Cell, Status } from "../src/wire";
import { S, T0, bucketed, series } from "./frames";

const HOW = { zone: "utc", now: T0, trueWord: "connected", falseWord: "disconnected" } as const;

function lane(rows: [number, Cell, Status | null][], holes: { start_us: number; end_us: number; why: string }[] = []) {
  const frame = bucketed(
    rows.map(([at, value]) => [at, "a", value]),
    { series: [series({ venue: "a" }, { holes, expected_us: 10 * S })] },
    { name: "connected", kind: "flag", unit: null, status: rows.map((row) => row[2]) },
  );
  return lanesOf(frame, HOW)[0] ?? { label: "", key: {}, series: null, segments: [], holdUs: 0 };
}

const told = (found: ReturnType<typeof lane>) => found.segments.map((one) => [(one.startUs - T0) / S, (one.endUs - T0) / S, one.status, one.text]);

describe("segments", () => {
  it("join equal neighbours", () => {
    expect(told(lane([[0, true, "up"], [1, true, "up"], [2, false, "down"]]))).toEqual([[0, 20, "up", "connected"], [20, 30, "down", "disconnected"]]);
  });

  it("hold while the next row is not due, and become a hole with its reason after that", () => {
    expect(told(lane([[0, true, "up"], [2, true, "up"]]))).toEqual([[0, 30, "up", "connected"]]);
    const holes = [{ start_us: T0 + 10 * S, end_us: T0 + 50 * S, why: "collector down" }];
    expect(told(lane([[0, true, "up"], [5, true, "up"]], holes))).toEqual([[0, 10, "up", "connected"], [10, 50, null, "collector down"], [50, 60, "up", "connected"]]);
  });

  it("say that a null is not a state", () => expect(told(lane([[0, null, null]]))).toEqual([[0, 10, null, "no value was sent"]]));

  it("are unknown, not up, without a verdict", () => expect(told(lane([[0, true, null]]))[0]?.[2]).toBe("unknown"));
});

describe("the end of a lane", () => {
  const found = lane([[0, true, "up"]]);

  it("holds for a while", () => expect(tailOf(found, T0 + 35 * S)[0]).toMatchObject({ status: "up", endUs: T0 + 35 * S }));
  it("then is not known, from the newest row on", () => expect(tailOf(found, T0 + 45 * S)[0]).toMatchObject({ status: null, startUs: T0 + 10 * S }));
});
