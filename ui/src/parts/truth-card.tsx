/** Where a picture comes from: everything needed to believe it, or not, and to ask the same question elsewhere. */

import type { ComponentChildren, JSX } from "preact";
import { viewNow } from "../address";
import { statusNow } from "../ageing";
import { address } from "../api";
import { keyLabel, measureColumns } from "../frames";
import { curlText, pythonText, queryOf } from "../snippets";
import { view } from "../address";
import { exportPanel } from "../export";
import { EXPLORE, questionOf, rowsBehind } from "../explore";
import { Leading } from "./leading";
import { needsToken } from "../state";
import { isStale } from "../status";
import { grouped } from "../units";
import { momentText } from "../time";
import type { Frame, Panel, Retired, Series, Subscription } from "../wire";
import { Ago, Since } from "./age";
import { CopyButton } from "./copy";
import { StatusMark } from "./status";

interface Props {
  panel: Panel;
  frame: Frame;
  request: Subscription;
  children?: ComponentChildren;
}

const MOST_LISTED = 8;

export function TruthCard({ panel, frame, request, children }: Props): JSX.Element {
  const now = viewNow.value;
  const when = (us: number): string => `${momentText(us, view.value.zone, now)}`;
  const body = queryOf(panel, request, frame);
  const url = address("api/query");
  const sources = [...new Set(frame.series.flatMap((series) => series.sources ?? []))].sort();
  return (
    <div class="card">
      <h3>{panel.title}</h3>
      {panel.sentence && <p class="dim">{panel.sentence}</p>}
      <dl class="facts">
        <Fact name="Table">{frame.table}</Fact>
        <Fact name="Shows">{measureColumns(frame).map((measure) => measure.name).join(", ")}</Fact>
        <Fact name="Filters">{filterText(body)}</Fact>
        <Fact name={sources.length === 1 ? "Source" : "Sources"}>{sources.join(", ") || "–"}</Fact>
        <Fact name="Newest row">
          {frame.newest_us ? (
            <>
              {when(frame.newest_us)} <span class="dim">({<Ago us={frame.newest_us} />})</span>
            </>
          ) : (
            "none yet"
          )}
        </Fact>
        <Fact name="Range">
          {when(frame.start_us)} – {when(frame.end_us)}
        </Fact>
        <Fact name="Rows behind">{frame.rows_behind === null || frame.rows_behind === undefined ? "–" : grouped(frame.rows_behind, 0)}</Fact>
        <Fact name="Read from">
          {(frame.tier ?? "raw") === "raw" ? "raw rows" : `summaries of ${frame.tier}`}
          {frame.bucket_us ? `, one value per ${bucketText(frame.bucket_us)}` : ""}
          {frame.truncated ? ", cut at the row limit" : ""}
        </Fact>
        <Fact name="Answered">
          {when(frame.as_of_us)} in {frame.query_ms?.toFixed(1) ?? "–"} ms{frame.state === "last_good" ? ", last good answer" : ""}
        </Fact>
      </dl>
      <Troubles series={frame.series} now={now} />
      <RetiredList retired={frame.retired ?? []} when={when} />
      <div class="row">
        {body && <CopyButton text={curlText(url, body, needsToken.value)} label="Copy as curl" />}
        {body && <CopyButton text={pythonText(url, body, needsToken.value)} label="Copy as Python" />}
        {children}
        <button type="button" class="outlined" onClick={() => exportPanel(panel.id)}>
          Save as CSV
        </button>
        <InExplore panel={panel} request={request} />
      </div>
    </div>
  );
}

/** The same question where it can be changed, and the rows behind it. */
function InExplore({ panel, request }: { panel: Panel; request: Subscription }): JSX.Element | null {
  const question = questionOf(panel);
  if (!question || request.dashboard === EXPLORE) return null;
  const rows = rowsBehind(panel, request.vars);
  return (
    <>
      <Leading change={{ dashboard: EXPLORE, full: null, question, vars: request.vars }}>Explore</Leading>
      {rows && <Leading change={{ dashboard: EXPLORE, full: null, ...rows }}>Show rows</Leading>}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Troubles({ series, now }: { series: Series[]; now: number }): JSX.Element | null {
  const found = series.filter((one) => one.status !== "up" || isStale(one, now));
  if (!found.length) return null;
  return (
    <ul class="facts-list" style={{ marginBottom: "10px" }}>
      {found.slice(0, MOST_LISTED).map((one) => (
        <li>
          <StatusMark status={statusNow(one.status, one)} /> {keyLabel(one.key, Object.keys(one.key))}{" "}
          <span class="dim">
            {one.reason}
            {one.since_us ? <> for <Since us={one.since_us} /></> : null}
          </span>
        </li>
      ))}
      {found.length > MOST_LISTED && <li class="dim">and {found.length - MOST_LISTED} more</li>}
    </ul>
  );
}

/** What has stopped for good: it is out of the picture, and not out of sight. */
export function RetiredList({ retired, when }: { retired: readonly Retired[]; when: (us: number) => string }): JSX.Element | null {
  if (!retired.length) return null;
  return (
    <ul class="facts-list" data-list="retired" style={{ marginBottom: "10px" }}>
      {retired.slice(0, MOST_LISTED).map((one) => (
        <li class="dim">
          {one.table.replaceAll("_", " ")} {keyLabel(one.key, Object.keys(one.key))}: retired on {when(one.retired_us)}, {one.why}; last row {when(one.newest_us)}
        </li>
      ))}
      {retired.length > MOST_LISTED && <li class="dim">and {retired.length - MOST_LISTED} more that are retired</li>}
    </ul>
  );
}

function filterText(body: Record<string, unknown> | null): string {
  const filters = (body?.["filters"] ?? []) as { column: string; comparison?: string; values?: unknown[] }[];
  return filters.map((one) => `${one.column} ${(one.comparison ?? "in").replaceAll("_", " ")} ${(one.values ?? []).join(", ")}`).join("; ") || "none";
}

function bucketText(us: number): string {
  const s = us / 1e6;
  if (s < 1) return `${s * 1000} ms`;
  if (s < 60) return `${s} s`;
  return s < 3600 ? `${s / 60} min` : `${s / 3600} h`;
}
