/** The time bar: range, steps, live or paused, zone. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { go, isLive, step, toggleLive, view } from "../address";
import { beat, browserSkewUs, isSkewed, isSynchronised, nowUs } from "../clock";
import { link, tick } from "../live";
import { SECOND_US, SPANS, clockText, durationText, fieldText, momentText, parseField, spanText, zoneName } from "../time";
import { Popup } from "./popup";

export function TimeBar(): JSX.Element {
  const { spanS, endUs, zone } = view.value;
  const live = isLive.value;
  const label = live ? `last ${spanText(spanS)}` : `${momentText((endUs as number) - spanS * SECOND_US, zone, nowUs())} – ${momentText(endUs as number, zone, nowUs())}`;
  return (
    <>
      <span class="group" role="group" aria-label="Time range">
        <button type="button" onClick={() => step(-1, nowUs())} aria-label="One range back" title="One range back ([)">
          ◀
        </button>
        <Popup label="time range (t)" shortcut="t" button={<>{label} ▾</>}>
          {(close) => <Ranges close={close} />}
        </Popup>
        <button type="button" onClick={() => step(1, nowUs())} disabled={live} aria-label="One range forth" title="One range forth (])">
          ▶
        </button>
      </span>
      <LiveButton />
      <button type="button" onClick={() => go({ zone: zone === "utc" ? "local" : "utc" })} title="Times in UTC or in this browser's zone">
        <span class="now">
          <ServerClock />
        </span>{" "}
        {zoneName(beat.peek(), zone)}
      </button>
      <ClockRemarks />
    </>
  );
}

function ServerClock(): JSX.Element {
  return <>{clockText(beat.value, view.value.zone)}</>;
}

function LiveButton(): JSX.Element {
  const live = isLive.value;
  const isFlowing = live && link.value.state === "open";
  return (
    <button type="button" class={live ? "" : "outlined"} onClick={() => toggleLive(nowUs())} aria-pressed={live} title={live ? "Pause (l)" : "Back to live (l)"} data-live={isFlowing}>
      <span class={isFlowing ? "live-dot" : live ? "live-dot is-off" : "paused-bars"} aria-hidden="true" />
      {live ? (isFlowing ? "live" : "no link") : "paused"}
    </button>
  );
}

/** Said once, here: clocks that do not agree. */
function ClockRemarks(): JSX.Element {
  const clock = tick.value?.clock;
  const skew = durationText(Math.abs(browserSkewUs.value) / SECOND_US);
  const side = browserSkewUs.value > 0 ? "ahead" : "behind";
  const offText = `server clock unsynchronised${clock?.error_ms ? ` ± ${clock.error_ms.toFixed(0)} ms` : ""}`;
  return (
    <>
      {isSynchronised.value && isSkewed.value && (
        <span class="badge warn" role="note" data-remark="browser-clock" title={`This browser's clock is ${skew} ${side} of the server's. All ages here are in server time.`}>
          browser clock {skew} {side}
        </span>
      )}
      {clock?.synchronised === false && (
        <span class="badge warn" role="note" data-remark="server-clock" aria-label={offText} title={`${offText}: latencies and ages measured with it carry this error.`}>
          <span aria-hidden="true" class="short">
            ≈ clock
          </span>
          <span aria-hidden="true" class="long">
            {offText}
          </span>
        </span>
      )}
    </>
  );
}

function Ranges({ close }: { close: () => void }): JSX.Element {
  const { spanS, endUs, zone } = view.value;
  const end = endUs ?? nowUs();
  const [from, setFrom] = useState(fieldText(end - spanS * SECOND_US, zone));
  const [until, setUntil] = useState(fieldText(end, zone));
  const [fromUs, untilUs] = [parseField(from, zone), parseField(until, zone)];
  const isUsable = fromUs !== null && untilUs !== null && untilUs > fromUs;
  const choose = (seconds: number): void => {
    go({ spanS: seconds });
    close();
  };
  const show = (event: Event): void => {
    event.preventDefault();
    if (!isUsable) return;
    go({ spanS: Math.round((untilUs - fromUs) / SECOND_US), endUs: untilUs });
    close();
  };
  return (
    <div style={{ width: "330px", maxWidth: "100%" }}>
      <div class="spans">
        {SPANS.map((span) => (
          <button type="button" key={span.id} aria-pressed={span.seconds === spanS} onClick={() => choose(span.seconds)}>
            {span.label}
          </button>
        ))}
      </div>
      <form class="fields" onSubmit={show}>
        <label>
          From <input type="datetime-local" step="1" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
        </label>
        <label>
          Until <input type="datetime-local" step="1" value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
        </label>
        <div class="row">
          <button type="submit" class="outlined" disabled={!isUsable}>
            Show
          </button>
          <span class="dim">{isUsable ? `Times in ${zoneName(end, zone)}` : "Until must be after from."}</span>
        </div>
      </form>
    </div>
  );
}
