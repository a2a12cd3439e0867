/** A status as shape, colour and word; the word may be spoken only. */

import type { JSX } from "preact";
import type { Status } from "../wire";

const PATHS: Record<Exclude<Status, "unknown">, JSX.Element> = {
  up: <circle cx="6" cy="6" r="4.6" />,
  degraded: <path d="M6 .8 11.6 11H.4z" />,
  down: <path d="M1 1h10v10H1z" />,
};
const QUESTION = (
  <path d="M3.2 4.1C3.2 2.2 4.5 1 6.1 1s2.8 1.1 2.8 2.6c0 2.2-2.2 2.3-2.2 4.2H5.2c0-2.6 2-2.8 2-4.1 0-.7-.5-1.1-1.1-1.1-.8 0-1.3.6-1.3 1.5zM5.1 9.2h1.8V11H5.1z" />
);

export function StatusMark({ status, word, quiet = false }: { status: Status; word?: string | undefined; quiet?: boolean }): JSX.Element {
  return (
    <span class={`status ${status}`} data-status={status}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {status === "unknown" ? QUESTION : PATHS[status]}
      </svg>
      <span class={quiet ? "sr" : "word"}>{word ?? status}</span>
    </span>
  );
}
