/** From a place in a picture to the stored rows that it was made of, on the page where they can be asked about. */

import { type View, go, view } from "./address";
import { EXPLORE, rowsBehind } from "./explore";
import { SECOND_US } from "./time";
import type { Key, Panel } from "./wire";

/** The view of the rows of one series from `startUs` to `endUs`; null for panels that ask no table. */
export function rowsView(panel: Panel, key: Key, startUs: number, endUs: number): Partial<View> | null {
  const rows = rowsBehind(panel, view.peek().vars, key);
  if (!rows) return null;
  const spanS = Math.max(1, Math.ceil((endUs - startUs) / SECOND_US));
  return { dashboard: EXPLORE, full: null, ...rows, spanS, endUs: startUs + spanS * SECOND_US };
}

export function openRows(panel: Panel, key: Key, startUs: number, endUs: number): void {
  const rows = rowsView(panel, key, startUs, endUs);
  if (rows) go(rows);
}
