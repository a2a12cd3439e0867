import { describe, expect, it } from "vitest";
import { isBeyond, middleOf, scaleOf, shareOf } from "../src/heat-scale";

const usual = Array.from({ length: 400 }, (_, i) => 10 + (i % 31));

describe("scaleOf", () => {
  it("starts at zero and reaches to the largest value", () => expect(scaleOf(usual)).toEqual({ low: 0, high: 40, isLog: false, beyond: null }));

  it("is not moved by one spike, which lies beyond it", () => {
    const scale = scaleOf([...usual, 5_000]);
    expect([scale.high, scale.beyond, scale.isLog]).toEqual([40, 5_000, false]);
    expect([isBeyond(scale, 5_000), isBeyond(scale, 40), shareOf(scale, 5_000)]).toEqual([true, false, 1]);
    expect(shareOf(scale, 30) - shareOf(scale, 10)).toBeCloseTo(0.5);
  });

  it("tells slow rows apart from each other and quick ones too", () => {
    const scale = scaleOf([...usual.map((value) => value / 10), ...usual.map((value) => value * 20)]);
    expect(scale.isLog).toBe(true);
    expect(shareOf(scale, 4) - shareOf(scale, 1)).toBeGreaterThan(0.15);
    expect(shareOf(scale, 800) - shareOf(scale, 200)).toBeGreaterThan(0.15);
    expect(shareOf(scale, middleOf(scale))).toBeCloseTo(0.5);
  });

  it("puts zero at the lower end of a logarithmic ramp", () => expect(shareOf({ low: 1, high: 1000, isLog: true, beyond: null }, 0)).toBe(0));

  it("takes the largest of few values as usual", () => expect(scaleOf([1, 2, 900])).toMatchObject({ high: 900, beyond: null }));

  it("has room for equal values, for none and for what is no number", () => {
    for (const values of [[0, 0], [], [Number.NaN]]) expect(shareOf(scaleOf(values), 0)).toBe(0);
    expect(scaleOf([-4, 4])).toMatchObject({ low: -4, high: 4, isLog: false });
  });
});
