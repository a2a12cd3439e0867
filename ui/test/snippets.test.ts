import { expect, it } from "vitest";
import { curlText, pythonText, queryOf } from "../src/snippets";
import type { Panel } from "../src/wire";
import { bucketed } from "./frames";

const PANEL: Panel = { id: "p", title: "P", kind: "line", width: 1, height: 1, query: { table: "exchange", group_by: ["venue"], bucket_s: "auto", filters: [{ column: "host", comparison: "in", values: ["h"] }] } };
const REQUEST = { dashboard: "d", panel: "p", range: { last_s: 60 }, vars: { venue: ["a", "it's"] } };

it("asks what the picture shows: range, bucket, the panel's filters and the page's", () => {
  expect(queryOf(PANEL, REQUEST, bucketed([[0, "a", 1]]))).toEqual({
    table: "exchange",
    group_by: ["venue"],
    bucket_s: 10,
    range: { last_s: 60 },
    filters: [{ column: "host", comparison: "in", values: ["h"] }, { column: "venue", comparison: "in", values: ["a", "it's"] }],
  });
  expect(queryOf({ ...PANEL, query: null }, REQUEST, null)).toBeNull();
});

it("quotes for the shell and for Python", () => {
  const body = queryOf(PANEL, REQUEST, null) ?? {};
  expect(curlText("http://h/api/query", body)).toContain(`"it'\\''s"`);
  expect(pythonText("http://h/api/query", body)).toContain(JSON.stringify(body));
});
