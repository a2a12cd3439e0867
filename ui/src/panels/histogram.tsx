/** How values are distributed over the range: the share of them in each bin, and where their quantiles lie. */

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { view } from "../address";
import { seriesStatus, useAgeing } from "../ageing";
import { type Bins, type Distribution, type Shares, binsOf, distributionsOf, sharesOf } from "../distribution";
import { isLog } from "../log-axis";
import { Canvas } from "../parts/canvas";
import { Swatch } from "../parts/legend";
import { StatusMark } from "../parts/status";
import { writing } from "../state";
import { palette, theme } from "../theme";
import { spanText } from "../time";
import { NO_VALUE, grouped, writeText } from "../units";
import { drawDistributions, heights, layoutOf } from "./histogram-draw";
import type { PanelProps } from "./index";
import { lookOf } from "./line-draw";

const MOST_DRAWN = 6;

export function HistogramPanel({ dashboard, panel, frame }: PanelProps): JSX.Element {
  useAgeing(frame);
  const [alone, setAlone] = useState<string | null>(null);
  const [hover, setHover] = useState<{ bin: number; x: number; width: number } | null>(null);
  const found = useMemo(() => distributionsOf(frame, panel.options), [frame, panel]);
  const counted = found?.all.filter((one) => one.count) ?? [];
  const drawn = counted.slice(0, MOST_DRAWN);
  const shown = alone && drawn.some((one) => one.id === alone) ? drawn.filter((one) => one.id === alone) : drawn;
  const isByTens = isLog(`${dashboard.id}/${panel.id}`, true);
  const bins = useMemo(() => binsOf(shown, isByTens), [frame, alone, isByTens]);
  if (!found) return <div class="note">This answer has no distribution.</div>;
  if (!counted.length) return <div class="note">Rows came in this range, none of them with a distribution.</div>;
  const unit = panel.unit ?? found.unit;
  const how = writing(panel.options);
  const shares = shown.map((one) => sharesOf(one, bins));
  const text = (value: number): string => writeText(value, unit, how);
  const quantiles = (one: Distribution): string => one.quantiles.map(({ name, value }) => `${name} ${text(value)}`).join(", ");
  const point = (x: number, _y: number, width: number): void => {
    const layout = layoutOf(bins, width);
    const bin = Math.floor(((x - layout.left) / layout.width) * layout.bins);
    setHover(bin >= 0 && bin < layout.bins ? { bin, x, width } : null);
  };
  const step = { x: 8, y: 0 };
  return (
    <>
      <div style={{ flex: 1, minHeight: 0, position: "relative" }}>
        <Canvas
          height={null}
          label={`${panel.title}, last ${spanText(view.value.spanS)}: ${shown.map((one) => `${one.label} ${quantiles(one)}, of ${grouped(one.count, 0)}`).join("; ")}. Arrow keys read single bins; the table is behind the age button.`}
          draw={(sheet) => drawDistributions(sheet, shown, shares, bins, unit)}
          changes={[frame, alone, isByTens, theme.value]}
          onPoint={point}
          onLeave={() => setHover(null)}
          step={step}
        />
        {hover && <Tip hover={hover} bins={bins} shown={shown} shares={shares} text={text} />}
      </div>
      <Legend found={found.all} drawn={drawn} alone={alone} onAlone={setAlone} text={text} />
    </>
  );
}

interface TipProps {
  hover: { bin: number; x: number; width: number };
  bins: Bins;
  shown: readonly Distribution[];
  shares: readonly Shares[];
  text: (value: number) => string;
}

/** The share of each distribution in the bin under the pointer. */
function Tip({ hover, bins, shown, shares, text }: TipProps): JSX.Element {
  return (
    <div class="tip" role="status" style={{ top: "6px", ...(hover.x > hover.width / 2 ? { right: `${hover.width - hover.x + 12}px` } : { left: `${hover.x + 12}px` }) }}>
      <p class="when">{binText(hover.bin, bins, text)}</p>
      <ul>
        {shown.map((one, i) => {
          const share = heights(shares[i] as Shares, bins)[hover.bin] ?? 0;
          return (
            <li key={one.id}>
              <Swatch look={lookOf(one.id, palette.value)} />
              <span>{one.label}</span>
              <span>
                {writeText(share, "ratio", writing())}, about {grouped(Math.round(share * one.count), 0)}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

interface LegendProps {
  found: readonly Distribution[];
  drawn: readonly Distribution[];
  alone: string | null;
  onAlone(id: string | null): void;
  text: (value: number) => string;
}

/** Names and quantiles; a click shows one alone. What is not drawn is said. */
function Legend({ found, drawn, alone, onAlone, text }: LegendProps): JSX.Element {
  const more = found.filter((one) => one.count).length - drawn.length;
  const empty = found.filter((one) => !one.count);
  return (
    <div class="legend">
      {drawn.map((one) => {
        const status = seriesStatus(one.series);
        return (
          <button type="button" key={one.id} class={alone && alone !== one.id ? "is-off" : ""} aria-pressed={alone === one.id} title="Show this one alone" onClick={() => onAlone(alone === one.id ? null : one.id)}>
            <Swatch look={lookOf(one.id, palette.value)} />
            {status && status !== "up" && <StatusMark quiet status={status} />}
            {one.label} <span class="dim">{one.quantiles.map(({ name, value }) => `${name} ${text(value)}`).join(" · ")}</span>
          </button>
        );
      })}
      {more > 0 && <span class="limits">and {more} more, whose last quantile is lower, in the table</span>}
      {empty.length > 0 && (
        <span class="limits" title={empty.map((one) => `${one.label}: ${one.missing}`).join("; ")}>
          {NO_VALUE} {empty.map((one) => one.label).join(", ")}
        </span>
      )}
    </div>
  );
}

function binText(bin: number, { edges, hasBelow }: Bins, text: (value: number) => string): string {
  const at = bin - Number(hasBelow);
  if (at < 0) return `up to ${text(edges[0] as number)}`;
  if (at >= edges.length - 1) return `above ${text(edges[edges.length - 1] as number)}`;
  return `${text(edges[at] as number)} to ${text(edges[at + 1] as number)}`;
}
