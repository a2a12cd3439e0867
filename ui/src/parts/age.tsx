/** Texts that count up in server time: only their text node changes, once a second. */

import { type ReadonlySignal, computed } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { viewNow } from "../address";
import { ageText } from "../time";

function useAge(us: number): ReadonlySignal<string> {
  return useMemo(() => computed(() => ageText(us, viewNow.value)), [us]);
}

/** "48 s ago"; where there is little room, style leaves out the last word. */
export function Ago({ us }: { us: number }): JSX.Element {
  return (
    <>
      {useAge(us)}
      <span class="ago"> ago</span>
    </>
  );
}

/** "1 min 12 s": how long something has lasted. */
export function Since({ us }: { us: number }): ReadonlySignal<string> {
  return useAge(us);
}
