import { expect, it } from "vitest";
import { found, knownHits, valueHit } from "../src/find";
import type { Dashboard } from "../src/wire";

const BOARDS: Dashboard[] = [
  { id: "exchange", title: "Exchange", sentence: "Are the venues reachable?", variables: ["env", "venue"], panels: [{ id: "latency", title: "Latency over time", kind: "line", width: 1, height: 1, query: null }] },
  { id: "feeds", title: "Feeds", variables: ["env", "channel"], panels: [] },
  { id: "venue", title: "Venue", variables: ["venue"], subject: "venue", panels: [] },
];
const names = (search: string): string[] => found(knownHits(BOARDS, null), search).map((hit) => hit.name);

it("puts what begins with the words first", () => {
  expect(names("exch")[0]).toBe("Exchange");
  expect(names("lat")[0]).toBe("Latency over time");
  expect(names("exchange latency")).toEqual(["Latency over time"]);
  expect(names("nothing like that")).toEqual([]);
});

it("lists the pages first where nothing is looked for, and no page of one thing", () => {
  expect(names("").slice(0, 3)).toEqual(["Exchange", "Feeds", "Explore"]);
  expect(names("")).not.toContain("Venue");
});

it("leads from a value to its own page, else to a dashboard with such a variable", () => {
  expect(valueHit(BOARDS, "venue", "okx").change).toEqual({ dashboard: "venue", full: null, vars: { venue: ["okx"] } });
  expect(valueHit(BOARDS, "channel", "trade").change).toEqual({ dashboard: "feeds", full: null, vars: { channel: ["trade"] } });
});
