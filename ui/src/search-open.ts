/** Whether the search is open: keys and buttons open it, the search closes itself. */

import { signal } from "@preact/signals";

export const isSearchOpen = signal(false);
