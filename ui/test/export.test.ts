import { expect, it } from "vitest";
import { csvOf } from "../src/export";
import { column, frame, T0 } from "./frames";

const FRAME = frame([
  column("venue", "tag", ["kraken", 'a "b", c'], { unit: "text" }),
  column("ts", "time", [T0, null], { unit: "us" }),
  column("latency_ms", "gauge", [12.5, null], { unit: "ms" }),
  column("note", "text", ["=1+1", "fine"]),
]);

it("writes names with units, times in UTC, a missing value as nothing", () => {
  expect(csvOf(FRAME, false).split("\r\n")).toEqual(["venue,ts,latency_ms (ms),note", "kraken,2023-11-14T22:14:00.000Z,12.5,'=1+1", '"a ""b"", c",,,fine', ""]);
});

it("says in the first line that a desk is simulated", () => expect(csvOf(FRAME, true)).toMatch(/^# paper: simulated desk\r\n/));
