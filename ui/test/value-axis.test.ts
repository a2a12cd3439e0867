import { beforeAll, describe, expect, it } from "vitest";
import type { Trace } from "../src/grid";
import { logRange, valueRange, valueSplits } from "../src/panels/value-axis";
import { useUnits } from "../src/units";

beforeAll(() => useUnits({ ms: { suffix: "ms", decimals: 1, scale: "plain" }, ratio: { suffix: "%", decimals: 1, scale: "ratio" }, s: { suffix: "s", decimals: 1, scale: "duration", per_unit_s: 1 }, count: { suffix: "", decimals: 0, scale: "count" }, price: { suffix: "", decimals: 8, scale: "plain" } }));

function range(values: number[], unit: string, thresholds: Trace["thresholds"] = null) {
  const trace = { unit, thresholds } as Trace;
  return valueRange([Float64Array.from(values)], 0, values.length - 1, trace, 5);
}

describe("valueRange", () => {
  it("starts at zero where the distance from zero matters", () => {
    expect(range([80, 95], "ms")).toMatchObject({ min: 0, max: 100 });
    expect(range([63_000, 64_000], "price").min).toBeGreaterThan(60_000);
  });

  it("draws zeros inside the picture, not as nothing", () => expect(range([0, 0], "count")).toMatchObject({ min: 0, max: 1 }));

  it("shows a near threshold and leaves a far one out", () => {
    expect(range([200], "ms", { degraded: 300, down: 500, above: true }).max).toBe(300);
    expect(range([20], "ms", { degraded: 300, down: 500, above: true }).max).toBe(20);
  });

  it("shows shares as part of the whole", () => expect(range([0.6], "ratio").max).toBe(1));
  it("steps in minutes for durations", () => expect(range([0, 250], "s").step % 30).toBe(0));
  it("never asks for fractions of a count", () => expect(range([0, 2], "count").step).toBe(1));
  it("keeps negatives", () => expect(range([-7, 3], "price").min).toBeLessThanOrEqual(-7));

  it("has marks on both ends", () => {
    const found = range([0, 0.3], "price");
    const splits = valueSplits(found);
    expect(splits[0]).toBe(found.min);
    expect(splits.at(-1)).toBeCloseTo(found.max, 12);
  });
});

describe("logRange", () => {
  const log = (values: number[], thresholds: Trace["thresholds"] = null) => logRange([Float64Array.from(values)], 0, values.length - 1, { unit: "ms", thresholds } as Trace);

  it("holds everything positive between whole powers of ten", () => {
    expect(log([0.3, 4321])).toMatchObject({ min: 0.1, max: 10_000, isLog: true });
    expect(valueSplits(log([0.3, 4321]))).toEqual([0.1, 1, 10, 100, 1000, 10_000]);
  });

  it("has room where all values are one, zero, or none", () => {
    for (const values of [[10], [0, 0], [NaN]]) {
      const { min, max } = log(values);
      expect(min).toBeGreaterThan(0);
      expect(max).toBeGreaterThan(min);
    }
  });

  it("shows a threshold within the next tenfold step", () => expect(log([60], { degraded: 300, down: 500, above: true }).max).toBe(1000));
});
