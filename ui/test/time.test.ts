import { describe, expect, it } from "vitest";
import { ageText, clockText, durationText, fieldText, momentText, parseField, splitText, spanText, stepFor, timeSplits, zoneName } from "../src/time";

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0) * 1000;
const S = 1_000_000;

describe("durations and ages", () => {
  it.each([
    [0, "0 s"],
    [0.4, "0.4 s"],
    [48, "48 s"],
    [59.99, "59 s"],
    [60, "1 min 00 s"],
    [72, "1 min 12 s"],
    [3600, "1 h 00 min"],
    [7500, "2 h 05 min"],
    [86_400, "1 d 00 h"],
    [273_600, "3 d 04 h"],
    [-72, "−1 min 12 s"],
  ])("%s s reads %s", (seconds, text) => expect(durationText(seconds)).toBe(text));

  it("never shows a negative age", () => {
    expect(ageText(NOON + 2 * S, NOON)).toBe("0 s");
    expect(ageText(NOON - 48 * S, NOON)).toBe("48 s");
  });

  it("names the offered spans as they are offered", () => {
    expect(spanText(3600)).toBe("1 h");
    expect(spanText(985)).toBe("16 min 25 s");
    expect([120, 7200, 172_800].map(spanText)).toEqual(["2 min", "2 h", "2 d"]);
  });
});

describe("moments", () => {
  it("leaves the day out today only", () => {
    expect(clockText(NOON, "utc")).toBe("12:00:00");
    expect(momentText(NOON, "utc", NOON + 3600 * S)).toBe("12:00:00");
    expect(momentText(NOON - 86_400 * S, "utc", NOON)).toBe("20 Nov 12:00:00");
    expect(momentText(NOON - 366 * 86_400 * S, "utc", NOON)).toBe("20 Nov 2025 12:00:00");
  });

  it("always names the zone", () => {
    expect(zoneName(NOON, "utc")).toBe("UTC");
    expect(zoneName(NOON, "local")).toMatch(/^UTC[+−]\d/);
  });

  it("reads back what a time field shows", () => {
    for (const zone of ["utc", "local"] as const) expect(parseField(fieldText(NOON, zone), zone)).toBe(NOON);
    expect(parseField("", "utc")).toBeNull();
  });
});

describe("time axis", () => {
  it("has at most the marks asked for, at round times", () => {
    const step = stepFor(3600, 8);
    expect(step).toBe(600);
    const marks = timeSplits(NOON / S - 3600 + 17, NOON / S + 17, step, "utc");
    expect(marks.length).toBeLessThanOrEqual(8);
    expect(marks.every((mark) => mark % 600 === 0)).toBe(true);
    expect(splitText(marks[0] as number, step, "utc")).toBe("11:10");
  });

  it("shows seconds only where they differ, and the day at midnight", () => {
    expect(splitText(NOON / S + 15, 15, "utc")).toBe("12:00:15");
    expect(splitText(Date.UTC(2026, 10, 21) / 1000, 3600, "utc")).toBe("21 Nov");
  });
});
