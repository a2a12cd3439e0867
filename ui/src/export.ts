/** What a panel shows, as a file. */

import { simulated } from "./live";
import type { Cell, Frame } from "./wire";

/** Panels on the screen, by their id: what they show now. */
export const shown = new Map<string, { title: string; frame: () => Frame | null }>();

const NUMBERS = new Set(["gauge", "counter", "interval"]);

/** Comma-separated values with a heading line of names and units. A desk that is simulated says so in the first line. */
export function csvOf(frame: Frame, isSimulated: boolean): string {
  const columns = frame.columns.filter((column) => column.kind !== "sketch");
  const heading = columns.map((column) => quoted(NUMBERS.has(column.kind) && column.unit && column.unit !== "none" ? `${column.name} (${column.unit})` : column.name));
  const lines = Array.from({ length: frame.rows }, (_, row) => columns.map((column) => cellText(column.values[row] ?? null, column.kind)).join(","));
  return [...(isSimulated ? ["# paper: simulated desk"] : []), heading.join(","), ...lines, ""].join("\r\n");
}

/** Times as ISO 8601 in UTC, a missing value as nothing, text so that no program takes it for a formula. */
function cellText(cell: Cell, kind: string): string {
  if (cell === null) return "";
  if (kind === "time" && typeof cell === "number") return new Date(cell / 1000).toISOString();
  return typeof cell === "string" ? quoted(/^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell) : String(cell);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Save what a panel shows; false when it shows nothing. */
export function exportPanel(id: string | undefined): boolean {
  const panel = id === undefined ? undefined : shown.get(id);
  const frame = panel?.frame();
  if (!panel || !frame) return false;
  const name = [simulated.value ? "paper" : "", panel.title, new Date(frame.as_of_us / 1000).toISOString().slice(0, 19)].filter(Boolean).join(" ");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(frame, simulated.value)], { type: "text/csv" }));
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  return true;
}
