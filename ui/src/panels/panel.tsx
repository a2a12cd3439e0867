/** One panel: title, age chip with the truth card, and whatever state its data is in. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, isLive, view } from "../address";
import { useAgeing } from "../ageing";
import { heightFor, noteHeight } from "../heights";
import { beat } from "../clock";
import { isBlind, link } from "../live";
import { type PanelData, usePanelData } from "../panel-data";
import { EmptyState, NothingChosen } from "../parts/empty-state";
import { ErrorBoundary } from "../parts/error-boundary";
import { Ago } from "../parts/age";
import { clockRemark } from "../parts/clock-mark";
import { StatusMark } from "../parts/status";
import { Popup } from "../parts/popup";
import { TruthCard } from "../parts/truth-card";
import { momentText, spanText } from "../time";
import type { Dashboard, Frame, Panel, Subscription } from "../wire";
import { unitOf } from "../units";
import { gridTable } from "./grid-table";
import { KINDS, type PanelProps } from "./index";
import { TablePanel } from "./table";

export type PanelState = "loading" | "refused" | "empty" | "outside" | "fine" | "data";

/** Which of the states a panel is in. Panels of verdicts say themselves when there is nothing. */
export function panelState(data: PanelData, panel: Panel): PanelState {
  if (data.error !== null) return "refused";
  if (!data.frame) return "loading";
  const hasRows = data.grid ? data.grid.traces.size > 0 : data.frame.rows > 0;
  if (hasRows || panel.kind === "text") return "data";
  if (panel.query === null && data.frame.series.length) return "fine";
  const everArrived = Boolean(data.frame.newest_us) || data.frame.series.some((series) => series.newest_us);
  return everArrived ? "outside" : "empty";
}

interface Props {
  dashboard: Dashboard;
  panel: Panel;
}

export function PanelView({ dashboard, panel }: Props): JSX.Element {
  const { data, request } = usePanelData(dashboard.id, panel, dashboard.variables);
  const [asTable, setAsTable] = useState(false);
  const value = data.value;
  const isWaiting = value.asked !== "" && value.asked !== JSON.stringify(request);
  const state = panelState(value, panel);
  const isFull = view.value.full === panel.id;
  const place = `${dashboard.id}/${panel.id}`;
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (state === "data" && !isFull && section.current) noteHeight(place, section.current.scrollHeight);
  }, [state]);
  const tall = useMemo(() => heightFor(place, panel.height * 40), [place, panel.height]);
  const style = isFull ? {} : { gridColumn: `span ${panel.width}`, gridRow: `span ${panel.height}`, "--tall": `${tall}px` };
  return (
    <section
      ref={section}
      class={`panel kind-${panel.kind} ${isWaiting ? "is-waiting" : ""} ${CHARTS.has(panel.kind) ? "is-chart" : ""}`}
      style={style}
      data-panel={panel.id}
      data-state={state}
      aria-labelledby={`title-${panel.id}`}
      aria-busy={state === "loading" || isWaiting}
      tabIndex={-1}
    >
      <header>
        <h2 id={`title-${panel.id}`} title={panel.sentence ? `${panel.title}: ${panel.sentence}` : panel.title}>
          {panel.title}
        </h2>
        <UnitName panel={panel} frame={value.frame} />
        <span class="gap" />
        <Badges frame={value.frame} kind={panel.kind} />
        {isFull && (
          <button type="button" onClick={() => go({ full: null })}>
            Close
          </button>
        )}
        {value.frame && <AgeChip panel={panel} frame={value.frame} request={request} asTable={asTable} onTable={value.grid ? () => setAsTable(!asTable) : null} />}
      </header>
      <div class="body">
        <ErrorBoundary retryWhen={value.frame}>
          <Content state={state} data={value} panel={panel} dashboard={dashboard} request={request} asTable={asTable} />
        </ErrorBoundary>
      </div>
    </section>
  );
}

function Content({ state, data, panel, dashboard, request, asTable }: Props & { state: PanelState; data: PanelData; request: Subscription; asTable: boolean }): JSX.Element {
  switch (state) {
    case "loading":
      return <div class="skeleton" role="status" aria-label={link.value.state === "open" ? "Loading" : "Waiting for the link to the server"} />;
    case "refused":
      return (
        <div class="note" role="alert">
          <strong>The server cannot answer this panel.</strong>
          <span class="dim">{data.error}</span>
        </div>
      );
    case "empty":
      return Object.keys(request.vars).length ? <NothingChosen vars={request.vars} /> : <EmptyState panel={panel} />;
    case "fine":
      return <Fine panel={panel} />;
    case "outside":
      return <Outside frame={data.frame as Frame} />;
    default: {
      const Kind = KINDS[panel.kind] ?? UnknownKind;
      const props: PanelProps = { dashboard, panel, frame: data.frame as Frame, grid: data.grid };
      if (asTable && data.grid) return <TablePanel {...props} frame={gridTable(data.grid, data.frame as Frame)} grid={null} />;
      return <Kind {...props} />;
    }
  }
}

function UnknownKind({ panel }: PanelProps): JSX.Element {
  return (
    <div class="note">
      <strong>This page cannot draw panels of kind “{panel.kind}”.</strong>
      <span class="dim">Reload it: the server may be newer than the page.</span>
    </div>
  );
}

/** A list of troubles without one. */
function Fine({ panel }: { panel: Panel }): JSX.Element {
  const sentence = panel.options?.["all_fine"];
  return (
    <div class="note">
      <StatusMark status={isBlind.value ? "unknown" : "up"} word={isBlind.value ? "Not known at present." : typeof sentence === "string" ? sentence : "Nothing is wrong now."} />
    </div>
  );
}

/** There is data, but not in the range that is looked at. */
function Outside({ frame }: { frame: Frame }): JSX.Element {
  const newest = frame.newest_us ?? Math.max(...frame.series.map((series) => series.newest_us ?? 0));
  return (
    <div class="note" data-state="outside">
      <strong>Nothing in this range ({spanText(view.value.spanS)}).</strong>
      <span class="dim">
        The newest row is of {momentText(newest, view.value.zone, beat.peek())}, <Ago us={newest} />.
      </span>
    </div>
  );
}

/** The unit stands in the title where the picture itself has one unit for all. */
function UnitName({ panel, frame }: { panel: Panel; frame: Frame | null }): JSX.Element | null {
  if (panel.kind !== "line" && panel.kind !== "heatmap") return null;
  const name = panel.unit ?? frame?.columns.find((column) => column.kind !== "time" && column.kind !== "tag")?.unit;
  const suffix = name ? unitOf(name).suffix : "";
  return suffix ? <span class="unit">{suffix}</span> : null;
}

/** Panels whose values cannot be marked one by one. */
const CHARTS = new Set(["line", "heatmap", "timeline"]);

function Badges({ frame, kind }: { frame: Frame | null; kind: string }): JSX.Element | null {
  if (!frame) return null;
  const remark = CHARTS.has(kind) && frame.columns.some((one) => one.by_clock) ? clockRemark(frame) : null;
  return (
    <>
      {remark && (
        <span class="badge warn" data-remark="clock" title={remark}>
          ≈ clock
        </span>
      )}
      {frame.state === "last_good" && (
        <span class="badge warn" title={frame.error ?? ""}>
          as of {momentText(frame.as_of_us, view.value.zone, beat.peek())}
        </span>
      )}
      {frame.truncated && (
        <span class="badge warn" title="The answer was cut at the server's row limit. Choose fewer series or a shorter range.">
          cut
        </span>
      )}
      {frame.tier && frame.tier !== "raw" && (
        <span class="badge" title="Answered from summaries of this width">
          {frame.tier}
        </span>
      )}
    </>
  );
}

interface ChipProps {
  panel: Panel;
  frame: Frame;
  request: Subscription;
  asTable: boolean;
  onTable: (() => void) | null;
}

function AgeChip({ panel, frame, request, asTable, onTable }: ChipProps): JSX.Element {
  const late = useAgeing(frame);
  const label = late ? `${late} of ${frame.series.length} late` : null;
  return (
    <Popup
      label={`where “${panel.title}” comes from`}
      className={`chip ${late ? "is-stale" : ""}`}
      button={
        <>
          {label && <span>{label} ·</span>}
          {frame.newest_us ? isLive.value ? <Ago us={frame.newest_us} /> : momentText(frame.newest_us, view.value.zone, beat.peek()) : "no rows"}
        </>
      }
    >
      {() => (
        <TruthCard panel={panel} frame={frame} request={request}>
          {onTable && (
            <button type="button" class="outlined" aria-pressed={asTable} onClick={onTable}>
              Show as table
            </button>
          )}
        </TruthCard>
      )}
    </Popup>
  );
}
