/** A matrix of two tags: a cell for each pair, hatched where it has no value and empty where there is no such series. */

import type { ComponentChildren, JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { type View, isLive, view } from "../address";
import { statusNow } from "../ageing";
import { EXPLORE, rowsBehind } from "../explore";
import { rowKey, tagColumns } from "../frames";
import { type Heat, type HeatCell, cellText, fitting, mix } from "../heat";
import { isBeyond, shareOf } from "../heat-scale";
import { HeatLegend } from "../parts/heat-legend";
import { Leading } from "../parts/leading";
import { StatusMark } from "../parts/status";
import { useWidth } from "../parts/width";
import { homeOf, writing } from "../state";
import { asStatus } from "../status";
import { palette, theme } from "../theme";
import type { Cell, Frame, Panel } from "../wire";
import type { PanelProps } from "./index";

/** Most series that a frame lists: of a longer list a pair may be missing although there is one. */
const MOST_SERIES = 2_000;

export function Matrix({ panel, frame, heat: given }: PanelProps & { heat: Heat }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const heat = useMemo(() => fitting(given, width), [given, width]);
  const knowsAll = isLive.value && frame.series.length > 0 && frame.series.length < MOST_SERIES;
  const how = writing(panel.options);
  const unit = panel.unit ?? heat.value.unit;
  return (
    <>
      <div class="matrix" ref={box} tabIndex={0} role="region" aria-label={`${panel.title}, matrix`}>
        <table>
          <thead>
            <tr>
              <td style={{ border: 0, minWidth: 0 }} />
              {heat.xs.map((x) => (
                <th scope="col" key={String(x)}>
                  <Named tag={heat.xTag} cell={x} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {heat.ys.map((y) => (
              <tr key={String(y)}>
                <th scope="row">
                  <Named tag={heat.yTag} cell={y} />
                </th>
                {heat.xs.map((x) => (
                  <MatrixCell key={String(x)} heat={heat} cell={heat.at(x, y)} isWatched={!knowsAll || heat.isWatched(x, y)} text={cellText(heat.at(x, y), unit, how)} rows={rowsOf(panel, frame, heat.at(x, y))} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <HeatLegend heat={heat} unit={unit} />
    </>
  );
}

function Named({ tag, cell }: { tag: string; cell: Cell }): JSX.Element {
  const home = homeOf({ [tag]: String(cell) });
  return home ? <Leading change={home}>{String(cell)}</Leading> : <>{String(cell)}</>;
}

/** The rows of the series that a cell shows, in the page's range. */
function rowsOf(panel: Panel, frame: Frame, cell: HeatCell | undefined): Partial<View> | null {
  const behind = cell && rowsBehind(panel, view.value.vars, rowKey(tagColumns(frame), cell.row));
  return behind ? { dashboard: EXPLORE, full: null, ...behind } : null;
}

interface CellProps {
  heat: Heat;
  cell: HeatCell | undefined;
  isWatched: boolean;
  text: string;
  /** Where the rows behind it are; null when the panel asks no table. */
  rows: Partial<View> | null;
}

function MatrixCell({ heat, cell, isWatched, text, rows }: CellProps): JSX.Element {
  if (!cell && !isWatched) {
    return (
      <td class="unwatched" title="There is no such series">
        <span class="sr">no such series</span>
      </td>
    );
  }
  if (!cell || cell.value === null) {
    return (
      <td class="hatched" title={text}>
        <span class="sr">{text}</span>
      </td>
    );
  }
  if (heat.hasStatus) {
    const status = statusNow(asStatus(cell.status), null);
    return (
      <td class={status}>
        <ToRows rows={rows}>
          <StatusMark status={status} word={text} />
        </ToRows>
      </td>
    );
  }
  const share = shareOf(heat.scale, Number(cell.value));
  return (
    <td class={isBeyond(heat.scale, Number(cell.value)) ? "beyond" : ""} style={{ backgroundColor: mix(palette.value.heatLow, palette.value.heatHigh, share), color: mixText(share) }}>
      <ToRows rows={rows}>{text}</ToRows>
    </td>
  );
}

function ToRows({ rows, children }: { rows: Partial<View> | null; children: ComponentChildren }): JSX.Element {
  return rows ? <Leading change={rows}>{children}</Leading> : <>{children}</>;
}

/** Text that reads on the cell's colour in both themes. */
function mixText(share: number): string {
  const isDarkCell = theme.value === "dark" ? share < 0.5 : share >= 0.5;
  return isDarkCell ? "#ffffff" : "#0d1115";
}
