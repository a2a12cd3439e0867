/** What is wrong with the screen itself, said on every page. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { view } from "../address";
import { beat } from "../clock";
import { isOutdated, link, live, tick } from "../live";
import { loadError } from "../state";
import { momentText } from "../time";
import { Since } from "./age";
import { StatusMark } from "./status";

/** A first connection may take this long before anybody needs to know. */
const PATIENCE_MS = 2000;

export function Banners(): JSX.Element {
  return (
    <div class="banners" role="alert">
      <LinkBanner />
      <StoreBanner />
      {isOutdated.value && (
        <div class="banner mild" data-banner="outdated">
          <span>tapewatch was updated while this page was open.</span>
          <button type="button" class="outlined" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      )}
    </div>
  );
}

function moment(us: number): string {
  return momentText(us, view.value.zone, beat.peek());
}

function LinkBanner(): JSX.Element | null {
  const [isPatient, setPatient] = useState(true);
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  const { state, heardUs } = link.value;
  if (state === "open" || (state === "connecting" && isPatient) || (heardUs === null && isPatient)) return null;
  return (
    <div class="banner" data-banner="link">
      <StatusMark status="down" word={heardUs ? "Link to the server lost" : "The server does not answer"} />
      {heardUs ? (
        <span>
          <span aria-hidden="true">
            for <Since us={heardUs} />.
          </span>{" "}
          Everything here is as of {moment(heardUs)} and only grows older; nothing here tells what happened since.
        </span>
      ) : (
        <span>{loadError.value ?? "Waiting for the first answer."}</span>
      )}
      <Retry />
    </div>
  );
}

function Retry(): JSX.Element {
  const { retryUs } = link.value;
  const left = retryUs === null ? 0 : Math.ceil((retryUs - beat.value) / 1e6);
  return (
    <>
      <span class="dim" aria-hidden="true">{left > 0 ? `Next try in ${left} s.` : "Trying now."}</span>
      <button type="button" class="outlined" onClick={() => live.hurry()}>
        Try now
      </button>
    </>
  );
}

function StoreBanner(): JSX.Element | null {
  const told = tick.value;
  if (!told?.store || told.store.state !== "down" || link.value.state !== "open") return null;
  const { since_us: since, message, is_full: isFull } = told.store;
  const newest = told.ingest?.newest_us;
  return (
    <div class="banner" data-banner="store">
      <StatusMark status="down" word={isFull ? "Read-only: the disk of the store is full" : "The store is away"} />
      <span>
        {since ? (
          <>
            since {moment(since)}
            <span aria-hidden="true">
              {" "}
              (<Since us={since} />)
            </span>
          </>
        ) : null}
        {message ? `: ${message.replace(/\.$/, "")}` : ""}. {newest ? `Data until ${moment(newest)}. ` : ""}
        {isFull
          ? "Nothing that was acknowledged is lost; sources keep what they have to say, and it goes on by itself when there is space."
          : "Panels show their last good answer; sources keep what they have to say and deliver it when the store is back."}
      </span>
    </div>
  );
}
