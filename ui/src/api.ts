/** Requests to the server, relative to where the page is, so that a path prefix works. */

import type { Catalog, Connect, Dashboards } from "./wire";

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Absolute address of something under the server's root. */
export function address(path: string): string {
  return new URL(path, new URL(".", document.baseURI)).href;
}

export function liveAddress(): string {
  return address("api/live").replace(/^http/, "ws");
}

export function eventsAddress(): string {
  return address("api/live/events");
}

async function get(path: string): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(address(path), { headers: { accept: "application/json" } });
  } catch {
    throw new ApiError("unreachable", `The server at ${address("")} does not answer.`);
  }
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = (body as { error?: { code?: string; message?: string } } | null)?.error;
    throw new ApiError(error?.code ?? String(answer.status), error?.message ?? `The server answered ${answer.status} to ${path}.`);
  }
  return body;
}

export async function getDashboards(): Promise<Dashboards> {
  return (await get("api/dashboards")) as Dashboards;
}

export async function getCatalog(): Promise<Catalog> {
  return (await get("api/catalog")) as Catalog;
}

/** What stands beside the server; `again` asks anew. */
export async function getConnect(again: boolean): Promise<Connect> {
  return (await get(`api/connect${again ? "?again=true" : ""}`)) as Connect;
}

/** Values a tag has in a table. */
export async function getValues(table: string, column: string): Promise<string[]> {
  const query = new URLSearchParams({ table, column });
  const body = (await get(`api/values?${query}`)) as { values: (string | null)[] };
  return body.values.filter((value): value is string => value !== null);
}
