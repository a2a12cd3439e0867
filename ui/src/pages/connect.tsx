/** Connect something: what was found on the server's host, with the settings that connect it, and what always works. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { view } from "../address";
import { address, getConnect } from "../api";
import { beat } from "../clock";
import { toCopy } from "../connect";
import { CopyButton } from "../parts/copy";
import { needsToken } from "../state";
import { momentText } from "../time";
import type { Connect, Neighbour, Way } from "../wire";

/** While the page is open and seen; the server gives the answer of the last minute anyway. */
const EVERY_MS = 60_000;
const LANGUAGES: Record<string, string> = { toml: "TOML", python: "Python", curl: "curl", cron: "cron" };

export function ConnectPage(): JSX.Element {
  const [told, setTold] = useState<Connect | null>(null);
  const [error, setError] = useState("");
  const [isAsking, setAsking] = useState(false);
  const ask = (again: boolean): void => {
    setAsking(true);
    getConnect(again)
      .then((answer) => {
        setTold(answer);
        setError("");
      })
      .catch((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)))
      .finally(() => setAsking(false));
  };
  useEffect(() => {
    ask(false);
    const timer = setInterval(() => !document.hidden && ask(false), EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="connect" data-page="connect" aria-busy={isAsking}>
      {error && (
        <p class="note" role="alert">
          <strong>What is near cannot be told.</strong> <span class="dim">{error}</span>
        </p>
      )}
      {told && (
        <>
          <Near told={told} isAsking={isAsking} ask={() => ask(true)} />
          <section aria-labelledby="ways">
            <h2 id="ways">What always works</h2>
            <div class="ways">
              {told.ways.map((way) => (
                <WayCard key={way.title} way={way} told={told} />
              ))}
            </div>
          </section>
        </>
      )}
    </div>
  );
}

function Near({ told, isAsking, ask }: { told: Connect; isAsking: boolean; ask(): void }): JSX.Element {
  if (!told.is_on) {
    return (
      <section aria-labelledby="near">
        <h2 id="near">On the server's host</h2>
        <p>
          Nothing is asked: <code>look_nearby</code> is off in the settings.
        </p>
      </section>
    );
  }
  const of = (...states: Neighbour["state"][]): Neighbour[] => told.neighbours.filter((one) => states.includes(one.state));
  const found = of("found");
  const unclear = of("other", "silent");
  const nothing = of("nothing");
  return (
    <section aria-labelledby="near">
      <h2 id="near">On the server's host</h2>
      <p class="row">
        <span>
          {found.length ? `${found.length} found.` : "Nothing that tapewatch knows answered."}{" "}
          <span class="dim">
            Asked at usual ports of this host, and of no other{told.at_us ? `, at ${momentText(told.at_us, view.value.zone, beat.peek())}` : ""}.
          </span>
        </span>
        <button type="button" class="outlined" disabled={isAsking} onClick={ask}>
          Look again
        </button>
      </p>
      {found.map((one) => (
        <FoundCard key={one.name} one={one} told={told} />
      ))}
      {unclear.length > 0 && (
        <ul class="unclear">
          {unclear.map((one) => (
            <li key={one.name} data-neighbour={one.name} data-state={one.state}>
              <strong>{one.address}</strong> is a usual address of {one.title}. {one.evidence}
            </li>
          ))}
        </ul>
      )}
      {nothing.length > 0 && <p class="dim">Nothing listens for {nothing.map((one) => `${one.title} (${one.ports.join(", ")})`).join(", ")}.</p>}
    </section>
  );
}

function FoundCard({ one, told }: { one: Neighbour; told: Connect }): JSX.Element {
  return (
    <article class="found" data-neighbour={one.name} data-state={one.state} aria-label={one.title}>
      <h3>
        {one.title} <span class="dim">{one.address}</span>
      </h3>
      <p>
        {one.evidence} <span class="dim">{one.remark}</span>
      </p>
      <div class="ways">
        {one.offers.map((way) => (
          <WayCard key={way.title} way={way} told={told} />
        ))}
      </div>
    </article>
  );
}

function WayCard({ way, told }: { way: Way; told: Connect }): JSX.Element {
  const code = toCopy(way.code, way.language, address(""), needsToken.value);
  return (
    <article class="way" aria-label={way.title}>
      <div class="row">
        <h3>{way.title}</h3>
        <span class="badge">{LANGUAGES[way.language] ?? way.language}</span>
        <span class="gap" />
        <CopyButton text={code} label="Copy" />
      </div>
      <p class="dim">
        {way.sentence} {way.language === "toml" && <Where told={told} />}
      </p>
      <pre tabIndex={0} aria-label={`${way.title}, ${LANGUAGES[way.language] ?? way.language}`}>
        {code}
      </pre>
    </article>
  );
}

/** Where settings belong, and when they count. */
function Where({ told }: { told: Connect }): JSX.Element {
  const file = told.settings_file;
  return (
    <>
      It belongs into {file ? <code>{file}</code> : <>a file <code>tapewatch.toml</code> in the directory that tapewatch is started in</>}; the next start reads it.
    </>
  );
}
