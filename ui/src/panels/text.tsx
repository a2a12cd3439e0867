/** A paragraph, or the verdict on everything that is watched. */

import type { JSX } from "preact";
import { column } from "../frames";
import { isBlind, link, tick } from "../live";
import { Since } from "../parts/age";
import { Leading } from "../parts/leading";
import { StatusMark } from "../parts/status";
import { asStatus, rank, worst as worstOf } from "../status";
import { view } from "../address";
import { beat } from "../clock";
import { CONNECT } from "../connect";
import { momentText } from "../time";
import type { Frame, Status } from "../wire";
import type { PanelProps } from "./index";

export interface Verdict {
  status: Status;
  subject: string;
  reason: string;
  sinceUs: number | null;
  dashboard: string | null;
}

/** The rows of a frame of verdicts that are not up, worst first. */
export function verdictsOf(frame: Frame): Verdict[] {
  const of = (name: string, row: number): unknown => column(frame, name)?.values[row];
  const all = Array.from({ length: frame.rows }, (_, row): Verdict => ({
    status: asStatus(of("status", row)),
    subject: String(of("subject", row) ?? ""),
    reason: String(of("reason", row) ?? ""),
    sinceUs: (of("since_us", row) as number | null) ?? null,
    dashboard: (of("dashboard", row) as string | null) || null,
  }));
  return all.filter((one) => one.status !== "up").sort((a, b) => rank(b.status) - rank(a.status));
}

/** What the verdicts on all watched series come to: the status and the sentence. Unknown is never counted as fine, nor is a desk that nobody watches. */
export function headline(statuses: readonly Status[], isOnlyOwn = false, retired = 0): { status: Status; text: string } {
  const { status, text } = judged(statuses, isOnlyOwn);
  return { status, text: retired ? `${text}, ${retired} retired` : text };
}

function judged(statuses: readonly Status[], isOnlyOwn: boolean): { status: Status; text: string } {
  const wrong = statuses.filter((one) => one === "down" || one === "degraded").length;
  const unknown = statuses.filter((one) => one === "unknown").length;
  if (!statuses.length) return { status: "unknown", text: "Nothing is watched yet" };
  const rest = unknown ? `${unknown} of ${statuses.length} unknown` : "";
  if (wrong) return { status: worstOf(statuses) ?? "unknown", text: `${wrong} wrong now${rest ? `, ${rest}` : ""}` };
  if (unknown) return { status: "unknown", text: `Nothing known to be wrong, ${rest}` };
  if (isOnlyOwn) return { status: "unknown", text: "Nothing is watched yet but tapewatch and its host, which are well" };
  return { status: "up", text: `Nothing wrong among ${statuses.length} watched series` };
}

const MOST_LISTED = 50;

export function TextPanel({ panel, frame }: PanelProps): JSX.Element {
  if (panel.options?.["source"] !== "verdicts") return <div class="note">{panel.sentence}</div>;
  if (isBlind.value) return <UnknownVerdict />;
  const troubles = verdictsOf(frame);
  const isEmpty = frame.series.every((series) => series.own);
  const { status, text } = headline(
    frame.series.map((series) => asStatus(series.status)),
    isEmpty,
    frame.retired?.length,
  );
  const worst = troubles[0];
  return (
    <div class="verdict" data-status={status}>
      <p class="headline">
        <span role="status">
          <StatusMark status={status} word={text} />
        </span>
        {worst && worst.status !== "unknown" && (
          <span>
            {" · worst: "}
            {worst.subject} {worst.reason || worst.status}
            {worst.sinceUs ? <> for <Since us={worst.sinceUs} /></> : null}
          </span>
        )}
        {isEmpty && (
          <>
            {" "}
            <Leading change={{ dashboard: CONNECT, full: null }}>Connect something</Leading>
          </>
        )}
      </p>
      {panel.height > 2 && troubles.length > 0 && (
        <ul>
          {troubles.slice(0, MOST_LISTED).map((one) => (
            <Trouble verdict={one} key={one.subject} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Trouble({ verdict }: { verdict: Verdict }): JSX.Element {
  const { dashboard } = verdict;
  return (
    <li>
      <StatusMark status={verdict.status} />
      {dashboard ? (
        <Leading change={{ dashboard, full: null }}>{verdict.subject}</Leading>
      ) : (
        <span>{verdict.subject}</span>
      )}
      <span class="dim">
        {verdict.reason}
        {verdict.sinceUs ? <> · for <Since us={verdict.sinceUs} /></> : null}
      </span>
    </li>
  );
}

function UnknownVerdict(): JSX.Element {
  const isLost = link.value.state === "lost";
  const heard = isLost ? link.value.heardUs : tick.value?.store?.since_us;
  const why = isLost ? "the link to the server is lost" : tick.value?.store?.is_full ? "the disk of the store is full" : "the store is away";
  return (
    <div class="verdict" data-status="unknown">
      <p class="headline" role="status">
        <StatusMark status="unknown" word={heard ? `Not known since ${momentText(heard, view.value.zone, beat.value)}: ${why}` : `Not known: ${why}`} />
      </p>
    </div>
  );
}
