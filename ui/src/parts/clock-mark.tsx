/** A mark beside a latency or an age that was measured with a clock that is not synchronised. */

import type { JSX } from "preact";
import type { Frame, Key } from "../wire";

/** What a mark on values of these hosts says; null when their clocks are fine. Without a host every host counts. */
export function clockRemark(frame: Frame, key?: Key | null): string | null {
  const wrong = Object.entries(frame.unsynchronised ?? {}).filter(([host]) => !key || !("host" in key) || key["host"] === host);
  if (!wrong.length) return null;
  const hosts = wrong.map(([host, error]) => (error === null ? host : `${host} (± ${error.toFixed(0)} ms)`)).join(", ");
  return `Measured with a clock that is not synchronised: ${hosts}. The value carries its error.`;
}

export function ClockMark({ remark }: { remark: string | null }): JSX.Element | null {
  if (remark === null) return null;
  return (
    <abbr class="clock-mark" title={remark}>
      ≈<span class="sr"> {remark}</span>
    </abbr>
  );
}
