import { beforeAll, describe, expect, it } from "vitest";
import { axisTexts, grouped, useUnits, words, writeText } from "../src/units";

const HOW = { zone: "utc", now: 1_700_000_000_000_000 } as const;

beforeAll(() =>
  useUnits({
    ms: { suffix: "ms", decimals: 1, scale: "plain", per_unit_s: 0.001 },
    ratio: { suffix: "%", decimals: 1, scale: "ratio" },
    bytes: { suffix: "B", decimals: 1, scale: "bytes" },
    bytes_per_s: { suffix: "B/s", decimals: 1, scale: "bytes" },
    s: { suffix: "s", decimals: 1, scale: "duration", per_unit_s: 1 },
    h: { suffix: "h", decimals: 1, scale: "duration", per_unit_s: 3600 },
    count: { suffix: "", decimals: 0, scale: "count" },
    us: { suffix: "", decimals: 0, scale: "time" },
    flag: { suffix: "", decimals: 0, scale: "flag" },
    price: { suffix: "", decimals: 8, scale: "plain" },
  }),
);

describe("writeText", () => {
  it.each([
    [12.5, "ms", "12.5 ms"],
    [12, "ms", "12.0 ms"],
    [0, "ms", "0.0 ms"],
    [0.04, "ms", "<0.1 ms"],
    [-0.04, "ms", ">−0.1 ms"],
    [-12.5, "ms", "−12.5 ms"],
    [0.123, "ratio", "12.3 %"],
    [0, "ratio", "0.0 %"],
    [1, "ratio", "100.0 %"],
    [0.0001, "ratio", "<0.1 %"],
    [999, "bytes", "999 B"],
    [1000, "bytes", "1.0 kB"],
    [999_950, "bytes", "1.0 MB"],
    [4_200_000_000, "bytes", "4.2 GB"],
    [1500, "bytes_per_s", "1.5 kB/s"],
    [72, "s", "1 min 12 s"],
    [48, "s", "48.0 s"],
    [0.0123, "s", "12.3 ms"],
    [0, "s", "0.0 s"],
    [26, "h", "1 d 02 h"],
    [7, "count", "7"],
    [0, "count", "0"],
    [12_345, "count", "12\u202f345"],
    [1204, "count", "1204"],
    [1.5, "count", "1.5"],
    [1_699_999_991_000_000, "us", "22:13:11"],
    [64_123.1, "price", "64\u202f123.10"],
    [0.00012345, "price", "0.00012345"],
    [3.14159, "furlongs", "3.14 furlongs"],
    [3, null, "3.00"],
  ])("writes %s in %s as %s", (value, unit, text) => expect(writeText(value, unit, HOW)).toBe(text));

  it("shows a missing value as a dash, never as zero", () => {
    for (const value of [null, undefined, NaN, Infinity]) expect(writeText(value, "ms", HOW)).toBe("–");
  });

  it("writes flags in the panel's words", () => {
    expect(writeText(true, "flag", { ...HOW, trueWord: "connected", falseWord: "disconnected" })).toBe("connected");
    expect(writeText(0, "flag", { ...HOW, trueWord: "connected", falseWord: "disconnected" })).toBe("disconnected");
    expect(writeText(false, "flag", HOW)).toBe("no");
  });
});

describe("axisTexts", () => {
  it("gives all marks the same unit and decimals", () => {
    expect(axisTexts([0, 0.5, 1], 0.5, "ms")).toEqual(["0.0 ms", "0.5 ms", "1.0 ms"]);
    expect(axisTexts([0, 0.25, 0.5], 0.25, "ratio")).toEqual(["0 %", "25 %", "50 %"]);
    expect(axisTexts([0, 2e6, 4e6], 2e6, "bytes")).toEqual(["0 MB", "2 MB", "4 MB"]);
    expect(axisTexts([0, 60, 120], 60, "s")).toEqual(["0", "1 min 00 s", "2 min 00 s"]);
    expect(axisTexts([0, 0.05, 0.1], 0.05, "s")).toEqual(["0 ms", "50 ms", "100 ms"]);
  });
});

it("never writes minus zero", () => expect(grouped(-0.0001, 1)).toBe("0.0"));

it("says columns in words", () => {
  expect(words("latency_p99_ms")).toBe("latency p99");
  expect(words("last_message_at")).toBe("last message");
  expect(words("since_us")).toBe("since");
});
