/** Values over time and series; a matrix of two tags is drawn beside this file. A cell without data is hatched, never the colour of a value. */

import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { view, viewNow } from "../address";
import { beat } from "../clock";
import { cursor } from "../cursor";
import { useAgeing } from "../ageing";
import { keyId, rowKey, spanUs, tagColumns } from "../frames";
import { type Heat, type HeatCell, cellText, heatOf, mix } from "../heat";
import { isBeyond, shareOf } from "../heat-scale";
import { type Mark, marks, marksAside, marksFor } from "../marks";
import { Canvas, type Sheet } from "../parts/canvas";
import { HeatLegend } from "../parts/heat-legend";
import { MarkLines } from "../parts/mark-lines";
import { openRows } from "../rows-behind";
import { writing } from "../state";
import { hatchPattern, palette, theme } from "../theme";
import { SECOND_US, momentText } from "../time";
import { writeText } from "../units";
import type { Cell, Frame, Key } from "../wire";
import { Matrix } from "./heatmap-matrix";
import type { PanelProps } from "./index";
import { MARKS_PX, markSheet, marksAt } from "./marks-draw";
import { drawTimes } from "./timeline";

const AXIS_PX = 20;
/** A cell whose value lies beyond the ramp is cut in two, so that it shows without colour. */
const BEYOND_PX = 2;
/** How far an arrow key leads along a row. */
const KEY_STEP_PX = 8;
const ME = Symbol("heatmap");

/** What is under the pointer: a cell, marks, or both. */
interface Hover {
  value: { us: number; y: Cell; cell: HeatCell | undefined } | null;
  marked: readonly Mark[];
  x: number;
  width: number;
  top: number;
}

export function HeatmapPanel(props: PanelProps): JSX.Element {
  const { panel, frame } = props;
  useAgeing(frame);
  const heat = useMemo(() => heatOf(frame, panel.options), [frame, panel]);
  if (!heat) return <div class="note">This answer has not the two dimensions of a heat map.</div>;
  return heat.isOverTime ? <OverTime {...props} heat={heat} /> : <Matrix {...props} heat={heat} />;
}

function OverTime({ panel, frame, heat }: PanelProps & { heat: Heat }): JSX.Element {
  const [hover, setHover] = useState<Hover | null>(null);
  const height = useRef(0);
  const bucketUs = frame.bucket_us ?? 1;
  const span = spanUs(frame, view.value.spanS * SECOND_US);
  const unit = panel.unit ?? heat.value.unit;
  const how = writing(panel.options);
  const ys = heat.ys.some((y) => typeof y !== "number") ? heat.ys : [...heat.ys].reverse(); // names from the top as everywhere, numbers as on an axis
  const happened = useMemo(() => (marks.value.length ? marksFor(keysOf(frame)) : []), [frame, marks.value]);
  const tall = (): number => (height.current - MARKS_PX - AXIS_PX) / Math.max(1, ys.length);
  const found = (x: number, y: number, width: number): { us: number; start: number; name: Cell | undefined } => {
    const us = viewNow.peek() - (1 - x / width) * span;
    return { us, start: Math.floor(us / bucketUs) * bucketUs, name: ys[Math.floor((y - MARKS_PX) / tall())] };
  };
  const pick = (x: number, y: number, width: number): void => {
    const { start, name } = found(x, y, width);
    const cell = name === undefined ? undefined : heat.at(start, name);
    if (cell) openRows(panel, rowKey(tagColumns(frame), cell.row), start, start + bucketUs);
  };
  const step = { x: KEY_STEP_PX, y: Math.max(1, tall()) };
  const point = (x: number, y: number, width: number): void => {
    const { us, start, name } = found(x, y, width);
    cursor.value = { us, owner: ME };
    const marked = marksAt(happened, x, width, viewNow.peek(), span);
    const value = name === undefined ? null : { us: start, y: name, cell: heat.at(start, name) };
    setHover(value || marked.length ? { value, marked, x, width, top: Math.max(0, y - 50) } : null);
  };
  const draw = (sheet: Sheet): void => {
    height.current = sheet.height;
    drawCells(sheet, heat, ys, bucketUs, span, happened);
  };
  const leave = (): void => {
    cursor.value = null;
    setHover(null);
  };
  return (
    <>
      <div style={{ flex: 1, minHeight: 0, display: "grid", gridTemplateColumns: "minmax(40px, max-content) 1fr", columnGap: "8px" }}>
        <div aria-hidden="true" style={{ display: "flex", flexDirection: "column", padding: `${MARKS_PX}px 0 ${AXIS_PX}px`, maxWidth: "160px", minHeight: 0 }}>
          {ys.map((y) => (
            <span key={String(y)} style={{ flex: 1, minHeight: 0, display: "flex", alignItems: "center", overflow: "hidden", whiteSpace: "nowrap", fontSize: "12px" }}>
              {String(y)}
            </span>
          ))}
        </div>
        <div style={{ position: "relative", minHeight: 0 }}>
          <Canvas height={null} label={`${panel.title}: ${ys.length} rows over time, from ${writeText(heat.scale.low, unit, how)} to ${writeText(heat.scale.beyond ?? heat.scale.high, unit, how)}${marksAside(happened)}. Arrow keys read single cells, Enter shows the rows behind one.`} topPx={MARKS_PX} draw={draw} changes={[heat, happened, theme.value, view.value.zone, span]} onPoint={point} onLeave={leave} onPick={pick} step={step} />
          {hover && (
            <div class="tip" role="status" style={{ top: `${hover.top}px`, ...(hover.x > hover.width / 2 ? { right: `${hover.width - hover.x + 12}px` } : { left: `${hover.x + 12}px` }) }}>
              {hover.value && (
                <>
                  <p class="when">
                    {String(hover.value.y)} · {momentText(hover.value.us, view.value.zone, beat.peek())}
                  </p>
                  <p>{cellText(hover.value.cell, unit, how)}</p>
                </>
              )}
              {hover.marked.length > 0 && (
                <ul>
                  <MarkLines marks={hover.marked} />
                </ul>
              )}
            </div>
          )}
        </div>
      </div>
      <HeatLegend heat={heat} unit={unit} />
    </>
  );
}

/** The series of an answer. */
function keysOf(frame: Frame): Key[] {
  const tags = tagColumns(frame);
  const found = new Map<string, Key>();
  for (let row = 0; row < frame.rows; row++) {
    const key = rowKey(tags, row);
    found.set(keyId(key), key);
  }
  return [...found.values()];
}

function colourOf(heat: Heat, cell: HeatCell): string | null {
  if (heat.hasStatus) return cell.status && palette.value.status[cell.status];
  if (typeof cell.value !== "number") return null;
  return mix(palette.value.heatLow, palette.value.heatHigh, shareOf(heat.scale, cell.value));
}

function drawCells(sheet: Sheet, heat: Heat, ys: readonly Cell[], bucketUs: number, span: number, happened: readonly Mark[]): void {
  const { pen, width, height, nowUs } = sheet;
  markSheet(sheet, happened, span, height - MARKS_PX - AXIS_PX, palette.value);
  const x = (us: number): number => (1 - (nowUs - us) / span) * width;
  const tall = (height - MARKS_PX - AXIS_PX) / Math.max(1, ys.length);
  const hatch = hatchPattern(pen, palette.value.hatch, 1);
  ys.forEach((y, i) => {
    const [top, bottom] = [MARKS_PX + Math.round(i * tall), MARKS_PX + Math.round((i + 1) * tall) - 1];
    pen.fillStyle = hatch;
    pen.fillRect(0, top, width, bottom - top);
    for (const { x: bucket, cell } of heat.row(y)) {
      const colour = colourOf(heat, cell);
      const [from, until] = [Math.max(0, Math.round(x(Number(bucket)))), Math.min(width, Math.round(x(Number(bucket) + bucketUs)))];
      if (!colour || until <= 0 || from >= width) continue;
      pen.fillStyle = colour;
      pen.fillRect(from, top, Math.max(1, until - from), Math.max(1, bottom - top));
      if (typeof cell.value !== "number" || heat.hasStatus || !isBeyond(heat.scale, cell.value)) continue;
      pen.fillStyle = palette.value.panel;
      pen.fillRect(from, Math.round((top + bottom) / 2) - 1, Math.max(1, until - from), BEYOND_PX);
    }
  });
  pen.clearRect(0, height - AXIS_PX, width, AXIS_PX);
  drawTimes(sheet, height - AXIS_PX, span);
}
