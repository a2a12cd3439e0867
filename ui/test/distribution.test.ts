import { describe, expect, it } from "vitest";
import { binsOf, distributionTable, distributionsOf, sharesOf } from "../src/distribution";
import type { Cell, Frame } from "../src/wire";
import { column, frame, series } from "./frames";

const GAMMA = 1.02;
const index = (value: number): string => String(value === 0 ? -10_000 : Math.ceil(Math.log(value) / Math.log(GAMMA)));
const sketch = (values: number[]): Cell => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[index(value)] = (counts[index(value)] ?? 0) + 1;
  return counts as unknown as Cell;
};
const answer = (all: Record<string, number[] | null>, p99 = 1): Frame => {
  const names = Object.keys(all);
  return frame([
    column("venue", "tag", names),
    column("distribution", "sketch", names.map((name) => (all[name] ? sketch(all[name]) : null)), { unit: "ms", gamma: GAMMA }),
    column("p50", "gauge", names.map((name) => (all[name] ? 1 : null)), { unit: "ms" }),
    column("p99", "gauge", names.map((name, i) => (all[name] ? p99 + i : null)), { unit: "ms" }),
  ], { series: names.map((venue) => series({ venue })) });
};
const OPTIONS = { value: "distribution", quantiles: ["p50", "p99"] };
const usual = Array.from({ length: 2_000 }, (_, i) => 10 + (i % 100) / 10);
const first = (all: Record<string, number[] | null>) => (distributionsOf(answer(all), OPTIONS)?.all ?? [])[0] as NonNullable<ReturnType<typeof distributionsOf>>["all"][number];

describe("distributionsOf", () => {
  it("reads the server's counts and quantiles, the slowest first", () => {
    const found = distributionsOf(answer({ a: [1, 2, 2], b: [5] }), OPTIONS);
    expect(found?.all.map((one) => [one.label, one.count, one.quantiles])).toEqual([
      ["b", 1, [{ name: "p50", value: 1 }, { name: "p99", value: 2 }]],
      ["a", 3, [{ name: "p50", value: 1 }, { name: "p99", value: 1 }]],
    ]);
  });

  it("says why a row has none, and never makes it a zero", () => {
    const one = first({ a: null });
    expect([one.count, one.missing, one.quantiles]).toEqual([0, "no value was sent", []]);
  });

  it("keeps a measured zero", () => expect(first({ a: [0, 0, 3] }).parts[0]).toEqual({ low: 0, high: 0, count: 2 }));

  it("is none for an answer without a distribution", () => expect(distributionsOf(frame([column("v", "gauge", [1])]))).toBeNull());
});

describe.each([true, false])("bins, logarithmic: %s", (isLog) => {
  it("hold every value once", () => {
    for (const values of [usual, [...usual, 5_000], [0, 0, ...usual], [7], [0]]) {
      const one = first({ a: values });
      const { below, inside, above } = sharesOf(one, binsOf([one], isLog));
      expect(below + inside.reduce((sum, share) => sum + share, 0) + above).toBeCloseTo(1);
    }
  });

  it("are not stretched by one spike, which lies above them", () => {
    const one = first({ a: [...usual, 60_000] });
    const bins = binsOf([one], isLog);
    expect(bins.edges[bins.edges.length - 1]).toBeLessThan(25);
    expect(bins.hasAbove).toBe(true);
    expect(sharesOf(one, bins).above).toBeGreaterThan(0);
  });

  it("have no comb where buckets and bins do not fit", () => {
    const one = first({ a: usual });
    const { inside } = sharesOf(one, binsOf([one], isLog, 20));
    const filled = inside.filter((share) => share > 0.02);
    expect(filled.length).toBeGreaterThan(5);
    expect(Math.max(...filled) / Math.min(...filled)).toBeLessThan(3);
  });

  it("are a table too, in which all shares add up", () => {
    const table = distributionTable(answer({ a: usual, b: [0, 100] }), OPTIONS, isLog);
    expect(table.columns.map((one) => [one.name, one.unit])).toEqual([["from", "ms"], ["to", "ms"], ["b", "ratio"], ["a", "ratio"]]);
    for (const shares of table.columns.slice(2)) expect(shares.values.reduce<number>((sum, share) => sum + Number(share), 0)).toBeCloseTo(1);
  });
});
