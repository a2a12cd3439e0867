import { expect, it } from "vitest";
import { namesOf, signatureOf } from "../src/panels/table-rows";
import { tagColumns } from "../src/frames";
import { S, T0, column, frame, series } from "./frames";

it("names a row by its tags while series come and go, and stored rows also by their time", () => {
  const live = frame([column("venue", "tag", ["a", "b"]), column("ts", "time", [T0, T0])], { series: [series({ venue: "a" })] });
  const later = frame([column("venue", "tag", ["b", "a"]), column("ts", "time", [T0 + S, T0 + S])], { series: [series({ venue: "a" })] });
  expect(namesOf(later, tagColumns(later)).reverse()).toEqual(namesOf(live, tagColumns(live)));
  const stored = frame([column("venue", "tag", ["a", "a", "a"]), column("ts", "time", [T0, T0 + S, T0 + S])]);
  expect(new Set(namesOf(stored, tagColumns(stored))).size).toBe(3);
});

it("draws a row again when a value, a verdict, a reason or its age has changed", () => {
  const columns = [column("venue", "tag", ["a"]), column("latency_ms", "gauge", [1], { status: ["up"] })];
  const plain = signatureOf(columns, 0, null, false, series({ venue: "a" }));
  expect(signatureOf(columns, 0, null, false, series({ venue: "a" }, { newest_us: T0 + S }))).toBe(plain);
  for (const other of [
    signatureOf([columns[0]!, column("latency_ms", "gauge", [2], { status: ["up"] })], 0, null, false, series({ venue: "a" })),
    signatureOf([columns[0]!, column("latency_ms", "gauge", [1], { status: ["down"] })], 0, null, false, series({ venue: "a" })),
    signatureOf(columns, 0, null, true, series({ venue: "a" })),
    signatureOf(columns, 0, null, false, series({ venue: "a" }, { reason: "late" })),
    signatureOf(columns, 0, 7, false, series({ venue: "a" })),
  ]) expect(other).not.toBe(plain);
});
