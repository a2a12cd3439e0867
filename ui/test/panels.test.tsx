import { render } from "preact-render-to-string";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { beat } from "../src/clock";
import { link } from "../src/live";
import { Outside, type PanelState, panelState } from "../src/panels/panel";
import { RetiredList } from "../src/parts/truth-card";
import { HistogramPanel } from "../src/panels/histogram";
import { StatPanel, columnsFor } from "../src/panels/stat";
import { TablePanel, parseSort, shownColumns, sortedRows } from "../src/panels/table";
import { TextPanel, headline } from "../src/panels/text";
import { EmptyState } from "../src/parts/empty-state";
import { NOTHING, type PanelData } from "../src/panel-data";
import { useUnits } from "../src/units";
import type { Dashboard, Frame, Panel, Retired } from "../src/wire";
import { S, T0, column, frame, series } from "./frames";

const DASHBOARD: Dashboard = { id: "d", title: "D", variables: [], panels: [] };

function panelOf(kind: string, options: Record<string, unknown> = {}, more: Partial<Panel> = {}): Panel {
  return { id: "p", title: "P", kind, width: 12, height: 4, query: { table: "exchange" }, options, ...more };
}

const show = (Kind: typeof StatPanel, found: Frame, panel: Panel): string =>
  render(<Kind dashboard={DASHBOARD} panel={panel} frame={found} grid={null} />).replaceAll('<span class="ago"> ago</span>', " ago");

beforeEach(() => {
  useUnits({ ms: { suffix: "ms", decimals: 1, scale: "plain" }, flag: { suffix: "", decimals: 0, scale: "flag" }, us: { suffix: "", decimals: 0, scale: "time" } });
  beat.value = T0 + S;
  link.value = { state: "open", heardUs: T0, retryUs: null };
});

const latency = (value: number | null, more: Partial<ReturnType<typeof series>> = {}, notes: Record<string, string> | null = null): Frame =>
  frame([column("venue", "tag", ["kraken"]), column("latency_ms", "gauge", [value], { unit: "ms", status: [value === null ? null : "up"], notes })], { series: [series({ venue: "kraken" }, more)] });

describe("histogram", () => {
  beforeEach(() => {
    vi.stubGlobal("document", { documentElement: {} });
    vi.stubGlobal("getComputedStyle", () => ({ getPropertyValue: () => "#000000" }));
  });
  afterEach(() => vi.unstubAllGlobals());

  const counted = (value: Record<string, number> | null, p99: number | null, more: Partial<ReturnType<typeof series>> = {}): Frame =>
    frame([column("venue", "tag", ["kraken"]), column("distribution", "sketch", [value as never], { unit: "ms", gamma: 1.02 }), column("p99", "gauge", [p99], { unit: "ms" })], { series: [series({ venue: "kraken" }, more)] });
  const panel = panelOf("histogram", { value: "distribution", quantiles: ["p99"] });

  it("names every distribution with its quantiles, and says them to those who do not see", () => {
    const html = show(HistogramPanel, counted({ "120": 3, "160": 1 }, 23.5), panel);
    expect(html).toContain("p99 23.5 ms");
    expect(html).toMatch(/aria-label="P, last 1 h: kraken p99 23.5 ms, of 4/);
  });

  it("draws no axes where rows came without a value", () => {
    const html = show(HistogramPanel, counted(null, null), panel);
    expect(html).toContain("none of them with a distribution");
    expect(html).not.toContain("canvas");
  });

  it("marks what is no longer up", () => expect(show(HistogramPanel, counted({ "120": 3 }, 1, { status: "down" }), panel)).toContain("status down"));

  it("says that it cannot be drawn of an answer of another shape", () => expect(show(HistogramPanel, latency(1), panel)).toContain("has no distribution"));
});

describe("stat", () => {
  it("shows value, unit, label, and status as shape and word", () => {
    const html = show(StatPanel, latency(12.5), panelOf("stat"));
    expect(html).toMatch(/kraken.*12\.5<small>ms<\/small>/);
    expect(html).toContain('data-status="up"');
    expect(html).not.toContain("ago");
  });

  it("shows zero as zero", () => expect(show(StatPanel, latency(0), panelOf("stat"))).toContain("0.0<small>ms"));

  it("shows a null as a dash with its reason and without a good status", () => {
    const html = show(StatPanel, latency(null, {}, { "0": "nan" }), panelOf("stat"));
    expect(html).toContain("–");
    expect(html).toContain("not a number was sent");
    expect(html).not.toContain('class="status up"');
  });

  it("marks a stale value with its age", () => {
    const html = show(StatPanel, latency(12.5, { stale: true, status: "degraded", newest_us: T0 - 47 * S }), panelOf("stat"));
    expect(html).toContain("is-stale");
    expect(html).toContain("48 s ago");
    expect(html).toContain('class="status degraded"');
  });

  it("calls nothing of a series that is down up", () => {
    expect(show(StatPanel, latency(12.5, { status: "down", since_us: T0 - 71 * S }), panelOf("stat"))).toMatch(/status down.*for.*1 min 12 s/);
  });

  it("lets a word speak for itself when its series is down for another reason", () => {
    const found = frame([column("connected", "flag", [true], { unit: "flag", status: ["up"] })], { series: [series({ status: "down", reason: "latency_ms is high" })] });
    const html = show(StatPanel, found, panelOf("stat", { true_word: "connected", false_word: "disconnected" }));
    expect(html).toContain('class="status up"');
    expect(html).not.toContain('class="status down"');
  });

  it("keeps a number apart from another number that is past its line", () => {
    const found = (about: string): Frame =>
      frame([column("rate_limit_ratio", "gauge", [0.258])], { series: [series({}, { status: "down", reason: "latency_ms 800 ms is at or above 500 ms", about })] });
    expect(show(StatPanel, found("latency_ms"), panelOf("stat"))).not.toContain("status down");
    expect(show(StatPanel, found(""), panelOf("stat"))).toContain("status down");
  });

  it("marks a value of a clock that is not synchronised, and only of that host", () => {
    const found = frame([column("host", "tag", ["a", "b"]), column("latency_ms", "gauge", [1, 2], { unit: "ms", by_clock: true })], {
      series: [series({ host: "a" }), series({ host: "b" })], unsynchronised: { b: 40 },
    });
    for (const kind of [StatPanel, TablePanel]) {
      const html = show(kind, found, panelOf("stat"));
      expect(html.split("clock-mark")).toHaveLength(2);
      expect(html).toContain("b (± 40 ms)");
    }
  });

  it("knows nothing good while the link is lost", () => {
    link.value = { state: "lost", heardUs: T0, retryUs: null };
    const html = show(StatPanel, latency(12.5), panelOf("stat"));
    expect(html).toContain('class="status unknown"');
    expect(html).not.toContain('class="status up"');
  });

  it("writes flags in the panel's words", () => {
    const found = frame([column("connected", "flag", [false], { unit: "flag", status: ["down"] })], { series: [series({})] });
    expect(show(StatPanel, found, panelOf("stat", { true_word: "connected", false_word: "disconnected" }))).toContain("disconnected");
  });
});

it("fills the rows of a stat panel evenly", () => {
  expect(columnsFor(6, 560, true)).toBe(3);
  expect(columnsFor(6, 560, false)).toBe(3);
  expect(columnsFor(5, 1200, false)).toBe(5);
  expect(columnsFor(1, 90, true)).toBe(1);
});

describe("table", () => {
  const found = frame(
    [
      column("venue", "tag", ["a", "b", "c"]),
      column("latency_ms", "gauge", [5, null, 9], { unit: "ms", status: ["up", null, "down"], notes: { "1": "nan" } }),
      column("last_message_at", "time", [T0 - 11 * S, T0, T0], { unit: "us" }),
    ],
    { series: ["a", "b", "c"].map((venue) => series({ venue })) },
  );

  it("writes no verdict as a word that it no longer shows as a shape", () => {
    const judged = frame([column("status", "state", ["down"], { status: ["down"] }), column("subject", "text", ["exchange a"])], {
      table: "verdicts", series: [series({ venue: "a" }, { status: "down", stale: true, newest_us: T0 - 90 * S, expected_us: 5 * S })],
    });
    expect(show(TablePanel, judged, panelOf("table"))).toContain(">down</");
    link.value = { state: "lost", heardUs: T0 - 88 * S, retryUs: null };
    const blind = show(TablePanel, judged, panelOf("table"));
    expect(blind).toContain('class="status unknown"');
    expect(blind).not.toMatch(/>\s*down</);
  });

  it("shows values, reasons of nulls, ages and links", () => {
    const html = show(TablePanel, found, panelOf("table", { age_columns: ["last_message_at"], links: ["venue"] }));
    expect(html).toContain("12 s ago");
    expect(html).toContain("no value: not a number was sent");
    expect(html).toContain('href="?venue=a"');
    expect(html).toContain('class="status down"');
  });

  it("sorts as told, nulls last, and by status worst first", () => {
    expect(sortedRows(found, parseSort("-latency_ms"))).toEqual([2, 0, 1]);
    expect(sortedRows(found, parseSort({ column: "latency_ms", descending: false }))).toEqual([0, 2, 1]);
    expect(sortedRows(found, parseSort("status"))).toEqual([2, 0, 1]);
    expect(sortedRows(found, null)).toEqual([0, 1, 2]);
  });

  it("puts what is down itself above what only has a bad value", () => {
    const streams = frame(
      [column("venue", "tag", ["slow", "fine", "dead"]), column("verdict", "state", ["fresh", "fresh", "dead"], { status: ["up", "up", "down"] }), column("latency_ms", "gauge", [4000, 3, null], { status: ["down", "up", null] })],
      { series: [series({ venue: "slow" }), series({ venue: "fine" }), series({ venue: "dead" }, { status: "down" })] },
    );
    expect(sortedRows(streams, parseSort("status"))).toEqual([2, 0, 1]);
  });

  it("draws only what is seen of many rows", () => {
    const many = frame([column("n", "gauge", Array.from({ length: 10_000 }, (_, i) => i))]);
    const rows = show(TablePanel, many, panelOf("table")).split("<tr").length;
    expect(rows).toBeLessThan(60);
  });

  it("leaves out what is not for people", () => {
    const raw = frame([column("ts", "time", [T0]), column("received_at", "time", [T0]), column("env", "tag", ["live"]), column("flags", "text", [null]), column("v", "gauge", [1])]);
    expect(shownColumns(raw).map((one) => one.name)).toEqual(["ts", "v"]);
  });
});

describe("verdict", () => {
  it.each([
    [["down", "degraded", "up"], "down", "2 wrong now"],
    [["degraded", "unknown"], "degraded", "1 wrong now, 1 of 2 unknown"],
    [["up", "unknown"], "unknown", "Nothing known to be wrong, 1 of 2 unknown"],
    [["up", "up"], "up", "Nothing wrong among 2 watched series"],
    [[], "unknown", "Nothing is watched yet"],
  ] as const)("of %s is %s: %s", (statuses, status, text) => expect(headline(statuses)).toEqual({ status, text }));

  it("of tapewatch alone is no green light", () => {
    expect(headline(["up", "up"], true)).toEqual({ status: "unknown", text: "Nothing is watched yet but tapewatch and its host, which are well" });
    expect(headline(["up", "degraded"], true).text).toBe("1 wrong now");
  });

  const verdicts = frame(
    [column("status", "state", ["down"]), column("subject", "text", ["kraken"]), column("reason", "text", ["not connected"]), column("since_us", "time", [T0 - 71 * S]), column("newest_us", "time", [T0]), column("dashboard", "text", ["exchange"])],
    { table: "verdicts", series: [series({ venue: "kraken" }, { status: "down" }), series({ venue: "okx" })] },
  );

  it("names the worst and since when", () => {
    expect(show(TextPanel, verdicts, panelOf("text", { source: "verdicts" }))).toMatch(/1 wrong now.*worst: .*kraken not connected.*1 min 12 s/);
  });

  it("is not known without a link", () => {
    link.value = { state: "lost", heardUs: T0, retryUs: null };
    expect(show(TextPanel, verdicts, panelOf("text", { source: "verdicts" }))).toContain("Not known since");
  });
});

describe("the state of a panel", () => {
  const rows = frame([column("v", "gauge", [1])]);
  const none = frame([], { newest_us: null });

  it.each<[PanelState, PanelData, Panel]>([
    ["loading", NOTHING, panelOf("stat")],
    ["refused", { ...NOTHING, error: "no" }, panelOf("stat")],
    ["data", { ...NOTHING, frame: rows }, panelOf("stat")],
    ["empty", { ...NOTHING, frame: none }, panelOf("stat")],
    ["outside", { ...NOTHING, frame: { ...none, newest_us: T0 } }, panelOf("stat")],
    ["fine", { ...NOTHING, frame: { ...none, series: [series({})] } }, panelOf("table", {}, { query: null })],
    ["empty", { ...NOTHING, frame: none }, panelOf("table", {}, { query: null })],
  ])("is %s", (state, data, panel) => expect(panelState(data, panel)).toBe(state));
});

it("tells what an empty panel lacks", () => {
  const html = render(<EmptyState panel={panelOf("stat", {}, { empty: { sentence: "No venue has reported yet.", snippets: [] } })} />);
  expect(html).toContain("No data yet.");
  expect(html).toContain("No venue has reported yet.");
});

describe("retired series", () => {
  const gone: Retired = { table: "feed", key: { venue: "kraken", symbol: "LUNA/USD" }, newest_us: T0 - 9 * S, retired_us: T0, why: "by hand: delisted" };

  it("are counted beside the verdict and change it in nothing", () => {
    expect(headline(["up"], false, 2)).toEqual({ status: "up", text: "Nothing wrong among 1 watched series, 2 retired" });
    expect(headline(["down"], false, 1).text).toBe("1 wrong now, 1 retired");
    expect(headline(["up"], false, 0).text).not.toContain("retired");
  });

  it("are listed with when, why and their last row", () => {
    const html = render(<RetiredList retired={[gone]} when={(us) => (us === T0 ? "now" : "before")} />);
    expect(html).toContain("feed kraken · LUNA/USD: retired on now, by hand: delisted; last row before");
    expect(render(<RetiredList retired={Array(20).fill(gone) as Retired[]} when={String} />)).toContain("and 12 more that are retired");
  });

  it("are no missing data", () => {
    const found = frame([column("venue", "tag", [])], { retired: [gone], newest_us: null });
    expect(panelState({ ...NOTHING, frame: found }, panelOf("stat"))).toBe("outside");
    expect(render(<Outside frame={found} />)).toContain("The only series here is retired.");
  });
});
