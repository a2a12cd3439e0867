/** A panel that never had data: what is missing and how to feed it, ready to copy. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { go } from "../address";
import { address } from "../api";
import { words } from "../units";
import type { Panel } from "../wire";
import { CopyButton } from "./copy";

const NAMES: Record<string, string> = { python: "Python", curl: "curl", toml: "TOML" };
/** What snippets are written for when the server does not know its own address. */
const PLACEHOLDER = /http:\/\/127\.0\.0\.1:4780\b/g;

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
  const code = snippet?.code.replace(PLACEHOLDER, address("").replace(/\/$/, ""));
  return (
    <div class="empty" data-state="empty">
      <div class="how">
        <p>
          <strong>No data yet.</strong> <span class="dim">{panel.empty?.sentence}</span>
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
