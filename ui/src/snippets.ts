/** The question behind a picture, as something that runs elsewhere. */

import type { Frame, Panel, Range, Subscription } from "./wire";

/** The body of `POST /api/query` that gives the data of this panel; null for panels without a question. */
export function queryOf(panel: Panel, request: Subscription, frame: Frame | null): Record<string, unknown> | null {
  if (!panel.query) return null;
  const asked = panel.query["filters"];
  const tags = new Set(frame?.columns.map((column) => column.name));
  const chosen = Object.entries(request.vars).filter(([name]) => !frame || name === "env" || tags.has(name) || frame.series.some((series) => name in series.key));
  const filters = [...(Array.isArray(asked) ? (asked as unknown[]) : []), ...chosen.map(([column, values]) => ({ column, comparison: "in", values }))];
  const body: Record<string, unknown> = { ...panel.query, range: rangeFor(panel, request.range) };
  if (frame?.bucket_us) body["bucket_s"] = frame.bucket_us / 1e6;
  if (filters.length) body["filters"] = filters;
  return body;
}

/** The page's range, or the look back of the panel's own up to the same end. */
function rangeFor(panel: Panel, range: Range): Range {
  if (!panel.last_s) return range;
  return "last_s" in range ? { last_s: panel.last_s } : { start_us: range.end_us - panel.last_s * 1e6, end_us: range.end_us };
}

/** Where snippets find the token of a server that asks for one; the token itself is never part of what is copied. */
export const TOKEN_VARIABLE = "TAPEWATCH_TOKEN";

/** A command for a POSIX shell. */
export function curlText(url: string, body: Record<string, unknown>, needsToken = false): string {
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''");
  const token = needsToken ? ` -H "authorization: Bearer $${TOKEN_VARIABLE}"` : "";
  return `curl -sS '${url}' -H 'content-type: application/json'${token} --data '${quoted}'`;
}

/** A script that needs nothing but Python. */
export function pythonText(url: string, body: Record<string, unknown>, needsToken = false): string {
  const token = needsToken ? `, "authorization": "Bearer " + os.environ["${TOKEN_VARIABLE}"]` : "";
  return [
    "import json",
    ...(needsToken ? ["import os"] : []),
    "from urllib.request import Request, urlopen",
    "",
    `body = json.loads(r'''${JSON.stringify(body)}''')`,
    `request = Request(${JSON.stringify(url)}, json.dumps(body).encode(), {"content-type": "application/json"${token}})`,
    "with urlopen(request, timeout=30) as answer:",
    "    frame = json.load(answer)",
    'print(frame["rows"], "rows of", frame["table"])',
    'columns = {column["name"]: column["values"] for column in frame["columns"]}',
    "print(columns)",
    "",
  ].join("\n");
}
