import { describe, expect, it } from "vitest";
import { parseView, writeView } from "../src/address";
import { exploreDashboard, filterOf, firstQuestion, measureOf, parseQuestion, queryFor, questionOf, rowsBehind } from "../src/explore";
import type { Catalog, Panel } from "../src/wire";

const CATALOG: Catalog = {
  units: {},
  tables: [
    {
      name: "exchange",
      sentence: "Venues.",
      columns: [
        { name: "ts", kind: "time", unit: "us", functions: ["max"] },
        { name: "venue", kind: "tag", functions: ["count"] },
        { name: "host", kind: "tag", functions: ["count"] },
        { name: "latency_ms", kind: "gauge", unit: "ms", functions: ["avg", "max", "quantile"] },
        { name: "connected", kind: "flag", functions: ["worst"] },
      ],
    },
  ],
};
const TABLE = CATALOG.tables[0] as Catalog["tables"][0];

describe("a question in the address", () => {
  it.each([
    "?dashboard=explore&x.table=exchange&x.shape=time&x.measure=max%28latency_ms%29&x.measure=p99%28latency_ms%29&x.by=env%2Cvenue",
    "?dashboard=explore&venue=kraken&x.table=exchange&x.shape=rows",
    "?dashboard=explore&x.table=self&x.shape=newest&x.where=component%3Ain%3A%5B%22ingest%22%5D",
  ])("%s survives", (search) => expect(writeView(parseView(search))).toBe(search));

  it("is left out of the address of other pages and is no variable", () => {
    const view = parseView("?dashboard=explore&x.table=exchange&x.shape=rows");
    expect(view.vars).toEqual({});
    expect(writeView({ ...view, dashboard: "feeds" })).toBe("?dashboard=feeds");
  });

  it("drops what is no measure and no filter", () => {
    const found = parseQuestion(new URLSearchParams("x.table=exchange&x.measure=drop table&x.where=nonsense"));
    expect([found?.measures, found?.where]).toEqual([[], []]);
  });
});

interface Told {
  function: string;
  column?: string;
  argument?: number | string;
  alias: string;
}

const MEASURES: [string, Told][] = [
  ["max(latency_ms)", { function: "max", column: "latency_ms", alias: "max_latency_ms" }],
  ["p99.9(latency_ms)", { function: "quantile", column: "latency_ms", argument: 0.9990000000000001, alias: "p99_9_latency_ms" }],
  ["rate(errors, 60)", { function: "rate", column: "errors", argument: 60, alias: "rate_errors" }],
  ["time_in_state(connected, false)", { function: "time_in_state", column: "connected", argument: "false", alias: "time_in_state_connected" }],
  ["count()", { function: "count", alias: "count" }],
];

describe("a question for the server", () => {
  it.each(MEASURES)("%s", (text, told) => {
    const found = measureOf(text);
    if (typeof told.argument === "number") expect(found?.argument).toBeCloseTo(told.argument);
    expect({ ...found, argument: told.argument }).toEqual({ argument: undefined, ...told });
  });

  it("counts rows where no measure is chosen, and sorts what covers the whole range", () => {
    const asked = queryFor({ table: "exchange", shape: "total", measures: [], by: ["venue"], where: [] });
    expect(asked).toMatchObject({ mode: "aggregate", measures: [{ function: "count" }], group_by: ["venue"], order_by: "-count" });
    expect(asked).not.toHaveProperty("bucket_s");
  });

  it("keeps values of filters as they are", () => {
    expect(filterOf('latency_ms:ge:[100]')).toEqual({ column: "latency_ms", comparison: "ge", values: [100] });
    expect(filterOf('venue:in:["a,b","c:d"]')?.values).toEqual(["a,b", "c:d"]);
    expect(filterOf("venue:in:a")).toBeNull();
  });
});

const PANEL: Panel = {
  id: "p", title: "P", kind: "line", width: 1, height: 1,
  query: {
    table: "exchange", mode: "aggregate", group_by: ["venue"], bucket_s: "auto",
    measures: [{ function: "quantile", column: "latency_ms", argument: 0.99, alias: "p99" }, { function: "max", column: "latency_ms" }],
    filters: [{ column: "host", comparison: "in", values: ["h"] }],
  },
};

describe("from a panel", () => {
  it("the same question", () => {
    expect(questionOf(PANEL)).toEqual({ table: "exchange", shape: "time", measures: ["p99(latency_ms)", "max(latency_ms)"], by: ["venue"], where: ['host:in:["h"]'] });
    expect(questionOf({ ...PANEL, query: null })).toBeNull();
  });

  it("the rows behind one of its series, under the page's variables", () => {
    expect(rowsBehind(PANEL, { env: ["live"] }, { venue: "okx", symbol: null })).toMatchObject({ question: { shape: "rows" }, vars: { env: ["live"], venue: ["okx"] } });
  });
});

describe("the page", () => {
  it("begins with the first number of a table", () => {
    expect(firstQuestion(TABLE)).toEqual({ table: "exchange", shape: "time", measures: ["max(latency_ms)"], by: ["venue"], where: [] });
    const page = exploreDashboard(null, CATALOG);
    expect(page.variables).toEqual(["env", "venue", "host"]);
    expect(page.panels[0]?.kind).toBe("line");
  });

  it("draws states as a timeline and rows as a table", () => {
    const kind = (shape: "time" | "rows", measures: string[]): string | undefined => exploreDashboard({ table: "exchange", shape, measures, by: [], where: [] }, CATALOG).panels[0]?.kind;
    expect([kind("time", ["worst(connected)"]), kind("rows", []), kind("time", ["count()"])]).toEqual(["timeline", "table", "line"]);
  });

  it("has no panel for a table that there is not", () => expect(exploreDashboard({ table: "nothing", shape: "rows", measures: [], by: [], where: [] }, CATALOG).panels).toEqual([]));
});
