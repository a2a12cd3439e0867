/** Lets a panel notice that a series has become too old, without drawing it anew every second. */

import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { isLive, viewNow } from "./address";
import { blindSinceUs, isBlind } from "./live";
import { asStatus, isStale, isUnheard, shownStatus } from "./status";
import type { Frame, Series, Status } from "./wire";

/**
 * Number of series that are late now. The component is drawn again when another series becomes late, or when link or store go or return, not at
 * every beat.
 */
export function useAgeing(frame: Frame): number {
  const late = useMemo(
    () =>
      computed(() => {
        const blind = isBlind.value ? "blind" : "";
        if (!isLive.value) return blind;
        const now = viewNow.value;
        return blind + frame.series.map((series) => (isStale(series, now) ? "x" : "")).join(",");
      }),
    [frame],
  );
  return late.value.split("x").length - 1;
}

/** The status of a series, which is always of now: none while the page looks at the past. */
export function seriesStatus(series: Series | null): Status | null {
  return series && isLive.peek() ? statusNow(asStatus(series.status), series) : null;
}

/** The status to show for a verdict on a value: nothing is fine while nobody can tell. A look at the past shows what was. */
export function statusNow(verdict: Status, series: Series | null): Status {
  if (!isLive.peek()) return verdict;
  if (isBlind.peek() && verdict === "up") return "unknown";
  const deafSinceUs = blindSinceUs.peek();
  if (deafSinceUs !== null && series && isUnheard(series, deafSinceUs)) return "unknown";
  return shownStatus(verdict, series, viewNow.peek());
}
