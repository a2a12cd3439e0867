/** Texts that count up in server time: only their text node changes, once a second. */

import { type ReadonlySignal, computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { viewNow } from "../address";
import { ageText } from "../time";

function useAge(us: number, tail: string): ReadonlySignal<string> {
  return useMemo(() => computed(() => `${ageText(us, viewNow.value)}${tail}`), [us, tail]);
}

/** "48 s ago" */
export function Ago({ us }: { us: number }): ReadonlySignal<string> {
  return useAge(us, " ago");
}

/** "1 min 12 s": how long something has lasted. */
export function Since({ us }: { us: number }): ReadonlySignal<string> {
  return useAge(us, "");
}
