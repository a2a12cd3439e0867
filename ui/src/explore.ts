/** Explore: any question to any table, put together by hand. Everything of it stands in the address, in parameters that begin with `x.`. */

import type { Catalog, CatalogTable, Dashboard, Key, Panel } from "./wire";

/** The name of the page among the dashboards. */
export const EXPLORE = "explore";

export type Shape = "time" | "total" | "newest" | "rows";
export const SHAPES: readonly { id: Shape; label: string; sentence: string }[] = [
  { id: "time", label: "Over time", sentence: "One value per stretch of time" },
  { id: "total", label: "In range", sentence: "One value for the whole range, largest first" },
  { id: "newest", label: "Newest", sentence: "The newest row of each series" },
  { id: "rows", label: "Rows", sentence: "Stored rows as they came, newest first" },
];

export interface Question {
  table: string;
  shape: Shape;
  /** As in an address of `/api/query`: max(latency_ms), p99(latency_ms), count(). */
  measures: string[];
  /** Tags to group by. */
  by: string[];
  /** Filters that are no variables: column:comparison:[values as JSON]. */
  where: string[];
}

const CALL = /^([a-z_]+|p\d{1,2}(?:\.\d+)?)\(([a-z0-9_]*)(?:,\s*([^)]+))?\)$/;
const MOST_ROWS = 100;
/** What adds up over a bucket is drawn as bars. */
const AMOUNTS = new Set(["count", "sum", "delta"]);

export function parseQuestion(query: URLSearchParams): Question | null {
  const table = query.get("x.table");
  if (!table) return null;
  const shape = SHAPES.find((one) => one.id === query.get("x.shape"))?.id ?? "time";
  const by = (query.get("x.by") ?? "").split(",").filter(Boolean);
  return { table, shape, measures: query.getAll("x.measure").filter((text) => CALL.test(text)), by, where: query.getAll("x.where").filter((text) => filterOf(text)) };
}

export function writeQuestion({ table, shape, measures, by, where }: Question, query: URLSearchParams): void {
  query.set("x.table", table);
  query.set("x.shape", shape);
  for (const text of measures) query.append("x.measure", text);
  if (by.length) query.set("x.by", by.join(","));
  for (const text of where) query.append("x.where", text);
}

/** A measure in the form of `POST /api/query`; null when the text is none. */
export function measureOf(text: string): { function: string; column?: string; argument?: string | number; alias: string } | null {
  const [, name = "", column = "", argument] = CALL.exec(text) ?? [];
  if (!name) return null;
  const alias = column ? `${name.replace(".", "_")}_${column}` : name;
  if (/^p\d/.test(name)) return { function: "quantile", column, argument: Number(name.slice(1)) / 100, alias };
  const rest = argument === undefined ? {} : { argument: name === "rate" ? Number(argument) : argument };
  return { function: name, ...(column ? { column } : {}), ...rest, alias };
}

function textOf(measure: Record<string, unknown>): string | null {
  const { function: name, column = "", argument } = measure as { function: string; column?: string; argument?: string | number };
  if (name === "ratio") return null;
  if (name === "quantile") return `p${Number((Number(argument) * 100).toPrecision(6))}(${column})`;
  return argument === undefined || argument === null ? `${name}(${column})` : `${name}(${column}, ${argument})`;
}

export interface Condition {
  column: string;
  comparison: string;
  values: unknown[];
}

export function filterOf(text: string): Condition | null {
  const [, column = "", comparison = "", json = ""] = /^([a-z0-9_]+):([a-z_]+):(.*)$/s.exec(text) ?? [];
  try {
    const values: unknown = JSON.parse(json);
    return column && Array.isArray(values) ? { column, comparison, values } : null;
  } catch {
    return null;
  }
}

/** The same question as a panel asks, as far as it can be put together by hand; null for panels without a question. */
export function questionOf(panel: Panel): Question | null {
  const query = panel.query as { table?: string; mode?: string; measures?: Record<string, unknown>[]; group_by?: string[]; bucket_s?: unknown; filters?: Condition[] } | null;
  if (!query?.table) return null;
  const shape: Shape = query.mode === "latest" ? "newest" : query.mode === "rows" ? "rows" : query.bucket_s ? "time" : "total";
  return {
    table: query.table,
    shape,
    measures: (query.measures ?? []).map(textOf).filter((text): text is string => text !== null),
    by: query.group_by ?? [],
    where: (query.filters ?? []).map((one) => `${one.column}:${one.comparison}:${JSON.stringify(one.values)}`),
  };
}

/** The rows behind something: one series, or all under the page's variables. */
export function rowsBehind(panel: Panel, vars: Record<string, string[]>, key: Key = {}): { question: Question; vars: Record<string, string[]> } | null {
  const question = questionOf(panel);
  if (!question) return null;
  const named = Object.entries(key).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return { question: { ...question, shape: "rows" }, vars: { ...vars, ...Object.fromEntries(named.map(([tag, value]) => [tag, [value]])) } };
}

/** What `POST /api/query` is asked, without range and variables. */
export function queryFor({ table, shape, measures, by, where }: Question): Record<string, unknown> {
  const filters = where.map(filterOf).filter((one) => one !== null);
  const body: Record<string, unknown> = { table, ...(filters.length ? { filters } : {}) };
  if (shape === "rows") return { ...body, mode: "rows", limit: MOST_ROWS };
  if (shape === "newest") return { ...body, mode: "latest", ...(by.length ? { group_by: by } : {}) };
  const asked = measures.map(measureOf).filter((one) => one !== null);
  const grouped = { ...body, mode: "aggregate", measures: asked.length ? asked : [measureOf("count()")], group_by: by };
  return shape === "time" ? { ...grouped, bucket_s: "auto" } : { ...grouped, order_by: `-${asked[0]?.alias ?? "count"}`, limit: 1000 };
}

/** What is asked at first of a table: its first number, by the tags that have few values. */
export function firstQuestion(table: CatalogTable): Question {
  const measured = table.columns.find((column) => column.functions?.includes("max") && column.kind !== "tag" && column.unit !== "us");
  const tags = table.columns.filter((column) => column.kind === "tag").map((column) => column.name);
  const by = tags.filter((name) => name !== "source" && name !== "host").slice(0, 2);
  return { table: table.name, shape: "time", measures: [measured ? `max(${measured.name})` : "count()"], by, where: [] };
}

function kindOf(question: Question): string {
  if (question.shape !== "time") return "table";
  return question.measures.length > 0 && question.measures.every((text) => measureOf(text)?.function === "worst") ? "timeline" : "line";
}

/** The page as a dashboard of one panel, so that everything that panels can do works here. */
export function exploreDashboard(asked: Question | null, catalog: Catalog | null): Dashboard {
  const table = catalog?.tables.find((one) => one.name === asked?.table) ?? (asked ? undefined : catalog?.tables.find((one) => one.name === "exchange") ?? catalog?.tables[0]);
  const page: Dashboard = { id: EXPLORE, title: "Explore", sentence: "Ask any question to any table.", variables: [], panels: [] };
  if (!table) return page;
  const question = asked ?? firstQuestion(table);
  const tags = table.columns.filter((column) => column.kind === "tag").map((column) => column.name);
  const isAmount = question.measures.every((text) => AMOUNTS.has(measureOf(text)?.function ?? ""));
  const panel: Panel = {
    id: "answer",
    title: question.shape === "rows" || question.shape === "newest" ? table.name : question.measures.join(", ") || "count()",
    kind: kindOf(question),
    width: 24,
    height: 13,
    sentence: table.sentence,
    empty: { sentence: `No row of table ${table.name} has arrived.`, snippets: [] },
    query: queryFor(question),
    options: { links: tags, every_column: question.shape === "rows", ...(isAmount ? { style: "bars" } : {}) },
  };
  return { ...page, variables: ["env", ...tags.filter((name) => name !== "env")], panels: [panel] };
}
