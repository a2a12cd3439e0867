/** A panel that never had data: what is missing and how to feed it, ready to copy. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { go } from "../address";
import { address } from "../api";
import { CONNECT, toCopy } from "../connect";
import { words } from "../units";
import type { Panel } from "../wire";
import { isBlind } from "../live";
import { needsToken } from "../state";
import { CopyButton } from "./copy";
import { Leading } from "./leading";
import { StatusMark } from "./status";

const NAMES: Record<string, string> = { python: "Python", curl: "curl", toml: "TOML" };

/** The page's own filters leave nothing: that says nothing about what is fed. */
export function NothingChosen({ vars }: { vars: Record<string, string[]> }): JSX.Element {
  const chosen = Object.entries(vars).map(([name, values]) => `${words(name)} ${values.join(", ")}`);
  return (
    <div class="note">
      <strong>No data for {chosen.join(" and ")}.</strong>
      <span>
        <button type="button" class="outlined" onClick={() => go({ vars: {} })}>
          Show all
        </button>
      </span>
    </div>
  );
}

export function EmptyState({ panel }: { panel: Panel }): JSX.Element {
  const [chosen, choose] = useState(0);
  const snippets = panel.empty?.snippets ?? [];
  const snippet = snippets[chosen];
  // what tapewatch measures of itself comes by itself: nothing can be connected to it
  const isFedFromOutside = snippets.length > 0 || panel.query === null;
  const code = snippet && toCopy(snippet.code, snippet.language, address(""), needsToken.value);
  return (
    <div class="empty" data-state="empty">
      <div class="how">
        <p>
          {panel.empty?.is_fine && !isBlind.value ? (
            <StatusMark status="up" word={panel.empty.sentence} />
          ) : (
            <>
              <strong>No data yet.</strong> <span class="dim">{panel.empty?.sentence}</span>
              {isFedFromOutside && (
                <>
                  {" "}
                  <Leading change={{ dashboard: CONNECT, full: null }}>Connect something</Leading>
                </>
              )}
            </>
          )}
        </p>
        {code !== undefined && (
          <div class="tabs">
            <span role="tablist" aria-label="How to feed this panel">
              {snippets.map((one, i) => (
                <button type="button" role="tab" key={one.language} aria-selected={i === chosen} onClick={() => choose(i)}>
                  {NAMES[one.language] ?? one.language}
                </button>
              ))}
            </span>
            <CopyButton text={code} label="Copy" />
          </div>
        )}
      </div>
      {code !== undefined && (
        <pre tabIndex={0} role="tabpanel" aria-label={`${NAMES[snippet?.language ?? ""] ?? ""} example`}>
          {code}
        </pre>
      )}
    </div>
  );
}
