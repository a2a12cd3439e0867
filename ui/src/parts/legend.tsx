/** Names, colours and newest values of the lines of a chart; a click shows one alone, Ctrl-click adds another. */

import type { JSX } from "preact";
import { isLive, viewNow } from "../address";
import { seriesStatus } from "../ageing";
import { type Grid, type Trace, currentValue } from "../grid";
import { type Look, lookOf } from "../panels/line-draw";
import { writing } from "../state";
import { isStale } from "../status";
import { palette } from "../theme";
import { writeText } from "../units";
import { Ago } from "./age";
import { StatusMark } from "./status";

interface Props {
  grid: Grid;
  traces: readonly Trace[];
  restCount: number;
  unit: string | null;
  /** As in `currentValue`. */
  wholeUntilUs: number;
  alone: ReadonlySet<string>;
  onAlone(next: ReadonlySet<string>): void;
}

export function Legend({ grid, traces, restCount, unit, wholeUntilUs, alone, onAlone }: Props): JSX.Element {
  const how = writing();
  const now = viewNow.peek();
  const click = (event: MouseEvent, id: string): void => {
    const next = new Set(event.ctrlKey || event.metaKey ? alone : []);
    if (alone.has(id)) next.delete(id);
    else next.add(id);
    onAlone(alone.has(id) && alone.size === 1 ? new Set() : next);
  };
  const limits = traces[0]?.thresholds;
  return (
    <div class="legend" role="group" aria-label="Series">
      {restCount > 0 && (
        <span class="limits">
          {traces.length} worst of {traces.length + restCount} drawn, the others from lowest to highest in grey
        </span>
      )}
      {traces.map((trace) => {
        const stale = isLive.value && trace.series !== null && isStale(trace.series, now);
        const status = seriesStatus(trace.series);
        const isOff = alone.size > 0 && !alone.has(trace.id);
        return (
          <button type="button" key={trace.id} class={`${isOff ? "is-off" : ""} ${stale ? "is-stale" : ""}`} aria-pressed={alone.has(trace.id)} onClick={(event) => click(event, trace.id)} title={trace.series?.reason || "Click: show alone. Ctrl-click: add."}>
            <Swatch look={lookOf(trace.id, palette.value)} />
            {status && status !== "up" && <StatusMark quiet status={status} />}
            <span>{trace.label}</span>
            <span class="dim">
              {writeText(currentValue(grid, trace, wholeUntilUs), unit ?? trace.unit, how)}
              {stale && trace.series?.newest_us ? <>, <Ago us={trace.series.newest_us} /></> : null}
            </span>
          </button>
        );
      })}
      {limits && (limits.degraded !== null || limits.down !== null) && (
        <span class="limits">
          {[
            limits.degraded !== null && `degraded ${limits.above ? "from" : "to"} ${writeText(limits.degraded, unit ?? traces[0]?.unit, how)}`,
            limits.down !== null && `down ${limits.above ? "from" : "to"} ${writeText(limits.down, unit ?? traces[0]?.unit, how)}`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      )}
    </div>
  );
}

export function Swatch({ look }: { look: Look }): JSX.Element {
  return (
    <svg class="swatch" viewBox="0 0 16 8" aria-hidden="true">
      <path d="M0 4h16" stroke={look.colour} stroke-width="2.5" stroke-dasharray={look.dash.join(" ")} />
    </svg>
  );
}
