/** The time that the pointer is on, shared by all panels of the page. */

import { signal } from "@preact/signals";

export interface Cursor {
  us: number;
  /** The panel under the pointer; it draws its own cursor. */
  owner: object | symbol;
}

export const cursor = signal<Cursor | null>(null);
