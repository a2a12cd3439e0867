import { describe, expect, it } from "vitest";
import { concerns, kindsFor, markText, marksOf } from "../src/marks";
import { grouped, marksAt, near } from "../src/panels/marks-draw";
import type { Frame2d } from "../src/panels/line-draw";
import { useUnits } from "../src/units";
import type { Panel } from "../src/wire";
import { S, T0, column, frame } from "./frames";

const kind = (options: Record<string, unknown>, more: Partial<Panel> = {}): Panel => ({ id: "k", title: "Gap", kind: "marks", width: 12, height: 2, query: {}, options, ...more });
const HOW = { zone: "utc", now: T0 } as const;
const GAPS = kind({ at: "at", within: "within_s", needs: ["venue"] });

const gaps = (times: number[]): ReturnType<typeof frame> =>
  frame([
    column("bucket", "time", times.map((at) => T0 + Math.floor(at / 15) * 15 * S)),
    column("venue", "tag", times.map(() => "kraken")),
    column("at", "time", times.map((at) => T0 + at * S), { unit: "us" }),
    column("first_at", "time", times.map((at) => T0 + (at - 3) * S), { unit: "us" }),
    column("gaps", "gauge", times.map(() => 2), { unit: "count" }),
    column("missing", "gauge", times.map(() => null), { unit: "count" }),
    column("within_s", "gauge", times.map(() => 5), { unit: "s" }),
  ], { bucket_us: 15 * S });

describe("marksOf", () => {
  it("tells when something was seen, how long before it may have happened, and its numbers", () => {
    useUnits({ count: { suffix: "", decimals: 0, scale: "count" } });
    const [mark] = marksOf(GAPS, gaps([8]));
    expect(mark).toMatchObject({ us: T0 + 8 * S, firstUs: T0 + 5 * S, withinUs: 5 * S, key: { venue: "kraken" } });
    expect(markText(mark as never, HOW)).toBe("kraken: 2 gaps");
  });

  it("keeps events apart that lie close together, each with its own row", () => expect(marksOf(GAPS, gaps([8, 9])).map((mark) => mark.us)).toEqual([T0 + 8 * S, T0 + 9 * S]));

  it("makes one mark of one start that several rows tell of", () => {
    const rows = frame([
      column("bucket", "time", [T0, T0 + 15 * S, T0 + 90 * S]),
      column("host", "tag", ["a", "a", "a"]),
      column("first_at", "time", [T0 + 14 * S, T0 + 19 * S + 300_000, T0 + 99 * S]),
      column("uptime_s", "gauge", [4, 9.2, 1]),
    ]);
    const found = marksOf(kind({ at: "first_at", minus: "uptime_s", needs: [] }), rows);
    expect(found.map((mark) => mark.us)).toEqual([T0 + 10 * S, T0 + 98 * S]);
    expect(found[0]?.numbers).toEqual([]);
  });
});

describe("concerns", () => {
  const [mark] = marksOf(GAPS, gaps([8]));
  it.each([
    [{ venue: "kraken", channel: "trade" }, true],
    [{ venue: "okx" }, false],
    [{ host: "a" }, false],
  ])("%j: %s", (key, expected) => expect(concerns(mark as never, [key])).toBe(expected));

  it("is about every line that says nothing else, when nothing needs to be shared", () => {
    const start = { ...(mark as object), needs: [], key: { env: "live", host: "a" } } as never;
    expect([concerns(start, [{ env: "live", venue: "x" }]), concerns(start, [{ env: "live", host: "b" }]), concerns(start, [{ env: "paper" }])]).toEqual([true, false, false]);
  });
});

it("asks only for what a chart of the page can show", () => {
  const page = { id: "p", title: "P", variables: [], panels: [{ ...kind({}), kind: "line", query: { group_by: ["env", "host"] } }, { ...kind({}), kind: "table", query: { group_by: ["venue"] } }] };
  const kinds = [kind({ needs: ["venue"] }, { id: "gaps" }), kind({ needs: ["host"] }, { id: "process" }), kind({ needs: [] }, { id: "host" })];
  expect(kindsFor(page, kinds).map((one) => one.id)).toEqual(["process", "host"]);
});

it.each([
  ["line", {}, ["process"]],
  ["timeline", {}, ["process"]],
  ["heatmap", {}, ["process"]],
  ["heatmap", { x: "bucket", y: "host" }, ["process"]],
  ["heatmap", { x: "symbol" }, []],
  ["stat", {}, []],
])("asks for them where time runs along a side: %s %j", (of, options, expected) => {
  const page = { id: "p", title: "P", variables: [], panels: [{ ...kind(options), kind: of, query: { group_by: ["host"] } }] };
  expect(kindsFor(page as never, [kind({ needs: ["host"] }, { id: "process" })]).map((one) => one.id)).toEqual(expected);
});

it("finds the marks at the pointer of a canvas whose right edge is now", () => {
  const marks = [{ ...(marksOf(GAPS, gaps([8]))[0] as object), us: T0 + 50 * S }] as never[];
  const now = T0 + 100 * S;
  expect([marksAt(marks, 352, 700, now, 100 * S).length, marksAt(marks, 300, 700, now, 100 * S).length]).toEqual([1, 0]);
});

describe("on a chart", () => {
  const to = { ratio: 1, left: 0, width: 700, top: 0, height: 100, x: (seconds: number) => seconds - T0 / S } as Frame2d;
  const marks = Array.from({ length: 200 }, (_, i) => ({ ...(marksOf(GAPS, gaps([8]))[0] as object), us: T0 + i * 3 * S })) as never[];

  it("puts what is close together into one, with none lost", () => {
    const groups = grouped(marks, to);
    expect(groups.length).toBeLessThanOrEqual(24);
    expect(groups.reduce((sum, group) => sum + group.marks.length, 0)).toBe(200);
  });

  it("leaves out what lies outside of the picture", () => expect(grouped([{ ...(marks[0] as unknown as object), us: T0 - S }] as never, to)).toEqual([]));

  it("finds the marks at the pointer", () => {
    const groups = grouped([marks[0], marks[100]] as never, to);
    expect([near(groups, 5, to).length, near(groups, 100, to).length, near(groups, 296, to).length]).toEqual([1, 0, 1]);
  });
});
