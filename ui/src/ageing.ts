/** Lets a panel notice that a series has become too old, without drawing it anew every second. */

import { computed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { isLive, viewNow } from "./address";
import { isStale } from "./status";
import type { Frame } from "./wire";

/** Number of series that are late now. The component is drawn again when another series becomes late, not at every beat. */
export function useAgeing(frame: Frame): number {
  const late = useMemo(
    () =>
      computed(() => {
        if (!isLive.value) return "";
        const now = viewNow.value;
        return frame.series.map((series) => (isStale(series, now) ? "x" : "")).join(",");
      }),
    [frame],
  );
  return late.value.split("x").length - 1;
}
