/** Which component draws which kind of panel. */

import type { ComponentType } from "preact";
import type { Grid } from "../grid";
import type { Dashboard, Frame, Panel } from "../wire";
import { HeatmapPanel } from "./heatmap";
import { HistogramPanel } from "./histogram";
import { LinePanel } from "./line";
import { StatPanel } from "./stat";
import { TablePanel } from "./table";
import { TextPanel } from "./text";
import { TimelinePanel } from "./timeline";

export interface PanelProps {
  dashboard: Dashboard;
  panel: Panel;
  frame: Frame;
  /** For lines: the values. */
  grid: Grid | null;
}

export const KINDS: Record<string, ComponentType<PanelProps>> = {
  line: LinePanel,
  stat: StatPanel,
  table: TablePanel,
  timeline: TimelinePanel,
  heatmap: HeatmapPanel,
  histogram: HistogramPanel,
  text: TextPanel,
};
