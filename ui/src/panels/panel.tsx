/** One panel: title, age chip with the truth card, and whatever state its data is in. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { go, isLive, view } from "../address";
import { useAgeing } from "../ageing";
import { shown } from "../export";
import { distributionTable } from "../distribution";
import { heightFor, noteHeight } from "../heights";
import { beat } from "../clock";
import { isBlind, link } from "../live";
import { isLog, isUsuallyLog, toggleLog } from "../log-axis";
import { areMarksShown, isOverTime, toggleMarks } from "../marks";
import { type PanelData, usePanelData } from "../panel-data";
import { EmptyState, NothingChosen } from "../parts/empty-state";
import { ErrorBoundary } from "../parts/error-boundary";
import { Ago } from "../parts/age";
import { clockRemark } from "../parts/clock-mark";
import { StatusMark } from "../parts/status";
import { Popup } from "../parts/popup";
import { TruthCard } from "../parts/truth-card";
import { ignoredBy } from "../parts/variable";
import { catalog } from "../state";
import { momentText, spanText } from "../time";
import type { Dashboard, Frame, Panel, Subscription } from "../wire";
import { unitOf, words } from "../units";
import { chartMarks, gridTable } from "./grid-table";
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
  const everArrived = Boolean(data.frame.newest_us) || Boolean(data.frame.retired?.length) || data.frame.series.some((series) => series.newest_us);
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
  useEffect(() => {
    const entry = { title: panel.title, frame: () => tableOf(panel, place, data.peek()) ?? data.peek().frame };
    shown.set(panel.id, entry);
    return () => void (shown.get(panel.id) === entry && shown.delete(panel.id));
  }, [panel.id, data]);
  const style = isFull ? {} : placeOf(place, panel);
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
        <Unfiltered names={ignoredBy(panel, request.vars, catalog.value)} />
        <Badges frame={value.frame} kind={panel.kind} />
        {isFull && (
          <button type="button" onClick={() => go({ full: null })}>
            Close
          </button>
        )}
        {value.frame && <AgeChip place={place} panel={panel} frame={value.frame} request={request} asTable={asTable} onTable={value.grid || panel.kind === "histogram" ? () => setAsTable(!asTable) : null} />}
      </header>
      <div class="body">
        <ErrorBoundary retryWhen={value.frame}>
          <Content state={state} data={value} panel={panel} dashboard={dashboard} request={request} asTable={asTable} />
        </ErrorBoundary>
      </div>
    </section>
  );
}

/** The numbers of a picture as rows; null for panels whose frame has them. */
function tableOf(panel: Panel, place: string, { frame, grid }: PanelData): Frame | null {
  if (!frame) return null;
  if (panel.kind === "histogram") return distributionTable(frame, panel.options, isLog(place, true));
  return grid && gridTable(grid, frame, chartMarks(panel, grid));
}

/** Where a panel stands; on a phone as tall as it was when it last had data. */
function placeOf(place: string, panel: Panel): Record<string, string> {
  return { gridColumn: `span ${panel.width}`, gridRow: `span ${panel.height}`, "--tall": `${heightFor(place, panel.height * 40)}px` };
}

/** The place of a panel that is about to be made. */
export function PanelPlace({ dashboard, panel }: Props): JSX.Element {
  return <section class={`panel kind-${panel.kind} ${CHARTS.has(panel.kind) ? "is-chart" : ""}`} style={placeOf(`${dashboard.id}/${panel.id}`, panel)} data-panel={panel.id} data-state="loading" aria-busy="true" />;
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
      const table = asTable ? tableOf(panel, `${dashboard.id}/${panel.id}`, data) : null;
      if (table) return <TablePanel {...props} frame={table} grid={null} />;
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
    <div class="note fine">
      <StatusMark status={isBlind.value ? "unknown" : "up"} word={isBlind.value ? "Not known at present." : typeof sentence === "string" ? sentence : "Nothing is wrong now."} />
    </div>
  );
}

/** There is data, but not in the range that is looked at. */
export function Outside({ frame }: { frame: Frame }): JSX.Element {
  const retired = frame.retired?.length ?? 0;
  if (retired && !frame.series.length) {
    return (
      <div class="note" data-state="retired">
        <strong>{retired === 1 ? "The only series here is retired." : `All ${retired} series here are retired.`}</strong>
        <span class="dim">They have stopped for good; the card of the panel lists them. They come back when they speak again.</span>
      </div>
    );
  }
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
  if (panel.kind !== "line" && panel.kind !== "heatmap" && panel.kind !== "histogram") return null;
  const name = panel.unit ?? frame?.columns.find((column) => column.kind !== "time" && column.kind !== "tag")?.unit;
  const suffix = name ? unitOf(name).suffix : "";
  return suffix ? <span class="unit">{suffix}</span> : null;
}

/** Panels whose values cannot be marked one by one. */
const CHARTS = new Set(["line", "heatmap", "timeline", "histogram"]);

/** Said where the page's filter does not reach: the panel shows all. */
function Unfiltered({ names }: { names: string[] }): JSX.Element | null {
  if (!names.length) return null;
  const said = names.map(words).join(", ");
  return (
    <span class="badge" data-remark="unfiltered" title={`What is shown here has no ${said}: it is not filtered by it.`}>
      every {said}
    </span>
  );
}

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
      {frame.retired?.length ? (
        <span class="badge" data-remark="retired" title="Series that have stopped for good and are left out; the card lists them. They come back when they speak again.">
          {frame.retired.length} retired
        </span>
      ) : null}
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
  /** The panel's name on this device: dashboard/panel. */
  place: string;
  panel: Panel;
  frame: Frame;
  request: Subscription;
  asTable: boolean;
  onTable: (() => void) | null;
}

function AgeChip({ place, panel, frame, request, asTable, onTable }: ChipProps): JSX.Element {
  const late = useAgeing(frame);
  const label = late ? `${late} of ${frame.series.length} late` : null;
  return (
    <Popup
      label={`where “${panel.title}” comes from`}
      className={`chip ${late ? "is-stale" : ""}`}
      button={
        <>
          {label && <span class="late">{label} ·</span>}
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
          {onTable && panel.options?.["style"] !== "bars" && (
            <button type="button" class="outlined" aria-pressed={isLog(place, isUsuallyLog(panel))} onClick={() => toggleLog(place)}>
              Logarithmic {panel.kind === "histogram" ? "bins" : "axis"}
            </button>
          )}
          {isOverTime(panel) && (
            <button type="button" class="outlined" aria-pressed={areMarksShown.value} title="On all charts: what happened, as far back as single rows are kept" onClick={toggleMarks}>
              Marks
            </button>
          )}
        </TruthCard>
      )}
    </Popup>
  );
}
