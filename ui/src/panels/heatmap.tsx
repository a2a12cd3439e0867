/** Values over time and series, or a matrix of two tags. A cell without data is hatched, never the colour of a value. */

import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { isLive, view, viewNow } from "../address";
import { beat } from "../clock";
import { cursor } from "../cursor";
import { statusNow, useAgeing } from "../ageing";
import { spanUs } from "../frames";
import { type Heat, type HeatCell, heatOf, mix } from "../heat";
import { Canvas, type Sheet } from "../parts/canvas";
import { StatusMark } from "../parts/status";
import { writing } from "../state";
import { asStatus } from "../status";
import { hatchPattern, palette, theme } from "../theme";
import { SECOND_US, momentText } from "../time";
import { NO_VALUE, writeText } from "../units";
import type { Cell } from "../wire";
import type { PanelProps } from "./index";
import { drawTimes } from "./timeline";

const AXIS_PX = 20;
const ME = Symbol("heatmap");

export function HeatmapPanel(props: PanelProps): JSX.Element {
  const { panel, frame } = props;
  useAgeing(frame);
  const heat = useMemo(() => heatOf(frame, panel.options), [frame, panel]);
  if (!heat) return <div class="note">This answer has not the two dimensions of a heat map.</div>;
  return heat.isOverTime ? <OverTime {...props} heat={heat} /> : <Matrix {...props} heat={heat} />;
}

function OverTime({ panel, frame, heat }: PanelProps & { heat: Heat }): JSX.Element {
  const [hover, setHover] = useState<{ us: number; y: Cell; cell: HeatCell | undefined; x: number; width: number; top: number } | null>(null);
  const height = useRef(0);
  const bucketUs = frame.bucket_us ?? 1;
  const span = spanUs(frame, view.value.spanS * SECOND_US);
  const unit = panel.unit ?? heat.value.unit;
  const how = writing(panel.options);
  const ys = [...heat.ys].reverse();
  const point = (x: number, y: number, width: number): void => {
    const us = viewNow.peek() - (1 - x / width) * span;
    const start = Math.floor(us / bucketUs) * bucketUs;
    const name = ys[Math.floor(y / ((height.current - AXIS_PX) / ys.length))];
    cursor.value = { us, owner: ME };
    setHover(name === undefined ? null : { us: start, y: name, cell: heat.at(start, name), x, width, top: Math.max(0, y - 50) });
  };
  const draw = (sheet: Sheet): void => {
    height.current = sheet.height;
    drawCells(sheet, heat, ys, bucketUs, span);
  };
  const leave = (): void => {
    cursor.value = null;
    setHover(null);
  };
  return (
    <>
      <div style={{ flex: 1, minHeight: 0, display: "grid", gridTemplateColumns: "minmax(40px, max-content) 1fr", columnGap: "8px" }}>
        <div aria-hidden="true" style={{ display: "flex", flexDirection: "column", paddingBottom: `${AXIS_PX}px`, maxWidth: "160px", minHeight: 0 }}>
          {ys.map((y) => (
            <span key={String(y)} style={{ flex: 1, minHeight: 0, display: "flex", alignItems: "center", overflow: "hidden", whiteSpace: "nowrap", fontSize: "12px" }}>
              {String(y)}
            </span>
          ))}
        </div>
        <div style={{ position: "relative", minHeight: 0 }}>
          <Canvas height={null} label={`${panel.title}: ${ys.length} rows over time, from ${writeText(heat.low, unit, how)} to ${writeText(heat.high, unit, how)}`} draw={draw} changes={[heat, theme.value, view.value.zone, span]} onPoint={point} onLeave={leave} />
          {hover && (
            <div class="tip" role="status" style={{ top: `${hover.top}px`, ...(hover.x > hover.width / 2 ? { right: `${hover.width - hover.x + 12}px` } : { left: `${hover.x + 12}px` }) }}>
              <p class="when">
                {String(hover.y)} · {momentText(hover.us, view.value.zone, beat.peek())}
              </p>
              <p>{cellText(hover.cell, unit, how)}</p>
            </div>
          )}
        </div>
      </div>
      <Scale heat={heat} unit={unit} />
    </>
  );
}

function cellText(cell: HeatCell | undefined, unit: string | null, how: ReturnType<typeof writing>): string {
  if (!cell) return "No data";
  return cell.value === null ? `${NO_VALUE} ${cell.note ?? "no value was sent"}` : writeText(cell.value, unit, how);
}

function colourOf(heat: Heat, cell: HeatCell): string | null {
  if (heat.hasStatus) return cell.status && palette.value.status[cell.status];
  if (typeof cell.value !== "number") return null;
  return mix(palette.value.heatLow, palette.value.heatHigh, (cell.value - heat.low) / (heat.high - heat.low));
}

function drawCells(sheet: Sheet, heat: Heat, ys: readonly Cell[], bucketUs: number, span: number): void {
  const { pen, width, height, nowUs } = sheet;
  const x = (us: number): number => (1 - (nowUs - us) / span) * width;
  const tall = (height - AXIS_PX) / Math.max(1, ys.length);
  const hatch = hatchPattern(pen, palette.value.hatch, 1);
  ys.forEach((y, i) => {
    const [top, bottom] = [Math.round(i * tall), Math.round((i + 1) * tall) - 1];
    pen.fillStyle = hatch;
    pen.fillRect(0, top, width, bottom - top);
    for (const { x: bucket, cell } of heat.row(y)) {
      const colour = colourOf(heat, cell);
      const [from, until] = [Math.max(0, Math.round(x(Number(bucket)))), Math.min(width, Math.round(x(Number(bucket) + bucketUs)))];
      if (!colour || until <= 0 || from >= width) continue;
      pen.fillStyle = colour;
      pen.fillRect(from, top, Math.max(1, until - from), Math.max(1, bottom - top));
    }
  });
  pen.clearRect(0, height - AXIS_PX, width, AXIS_PX);
  drawTimes(sheet, height - AXIS_PX, span);
}

function Scale({ heat, unit }: { heat: Heat; unit: string | null }): JSX.Element {
  const how = writing();
  const { heatLow, heatHigh } = palette.value;
  return (
    <div class="shapes" aria-hidden="true">
      {heat.hasStatus ? (
        (["up", "degraded", "down", "unknown"] as const).map((status) => <StatusMark key={status} status={status} />)
      ) : (
        <span class="status">
          {writeText(heat.low, unit, how)} <span class="ramp" style={{ background: `linear-gradient(90deg, ${heatLow}, ${heatHigh})` }} /> {writeText(heat.high, unit, how)}
        </span>
      )}
      <span class="status">
        <span class="box hatched" /> no data
      </span>
    </div>
  );
}

/** Most series that a frame lists: of a longer list a pair may be missing although there is one. */
const MOST_SERIES = 2_000;

function Matrix({ panel, frame, heat }: PanelProps & { heat: Heat }): JSX.Element {
  const knowsAll = isLive.value && frame.series.length > 0 && frame.series.length < MOST_SERIES;
  const how = writing(panel.options);
  const unit = panel.unit ?? heat.value.unit;
  return (
    <>
      <div class="matrix" tabIndex={0} role="region" aria-label={`${panel.title}, matrix`}>
        <table>
          <thead>
            <tr>
              <td style={{ border: 0, minWidth: 0 }} />
              {heat.xs.map((x) => (
                <th scope="col" key={String(x)}>
                  {String(x)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {heat.ys.map((y) => (
              <tr key={String(y)}>
                <th scope="row">{String(y)}</th>
                {heat.xs.map((x) => (
                  <MatrixCell key={String(x)} heat={heat} cell={heat.at(x, y)} isWatched={!knowsAll || heat.isWatched(x, y)} text={cellText(heat.at(x, y), unit, how)} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Scale heat={heat} unit={unit} />
    </>
  );
}

function MatrixCell({ heat, cell, isWatched, text }: { heat: Heat; cell: HeatCell | undefined; isWatched: boolean; text: string }): JSX.Element {
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
        <StatusMark status={status} word={text} />
      </td>
    );
  }
  const share = (Number(cell.value) - heat.low) / (heat.high - heat.low);
  return (
    <td style={{ background: mix(palette.value.heatLow, palette.value.heatHigh, share), color: mixText(share) }}>{text}</td>
  );
}

/** Text that reads on the cell's colour in both themes. */
function mixText(share: number): string {
  const isDarkCell = theme.value === "dark" ? share < 0.5 : share >= 0.5;
  return isDarkCell ? "#ffffff" : "#0d1115";
}
