/** What one panel knows: its newest frame with all deltas in it, published to the screen at most once per drawn picture. */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { rangeOf, view } from "./address";
import { mergeDelta } from "./frames";
import { Grid } from "./grid";
import { live } from "./live";
import type { Frame, FrameMessage, Panel, Subscription } from "./wire";

export interface PanelData {
  /** The newest frame; for lines without the values, which are in `grid`. */
  frame: Frame | null;
  grid: Grid | null;
  /** Why the server cannot answer. */
  error: string | null;
  /** What this data answers; the panel is still waiting while it differs from what is asked. */
  asked: string;
}

export const NOTHING: PanelData = { frame: null, grid: null, error: null, asked: "" };

/** Deltas of all panels meet in one drawing step; the browser leaves it out while the tab is hidden. */
const dirty = new Set<PanelFeed>();
let isScheduled = false;

function schedule(feed: PanelFeed): void {
  dirty.add(feed);
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    const feeds = [...dirty];
    dirty.clear();
    for (const one of feeds) one.publish();
  });
}

export class PanelFeed {
  readonly data: Signal<PanelData> = signal(NOTHING);
  private grid: Grid | null = null;
  private frame: Frame | null = null;
  private error: string | null = null;
  private asked = "";
  private answered = "";

  constructor(private readonly isLine: boolean) {}

  /** Ask the server; returns the way to stop. What is shown stays until the new answer is there. */
  open(request: Subscription): () => void {
    const asked = JSON.stringify(request);
    const isMine = (): boolean => this.asked === asked;
    this.asked = asked;
    return live.subscribe(request, {
      frame: (message) => {
        if (!isMine()) return;
        this.answered = asked;
        this.take(message);
      },
      refused: (message) => {
        if (!isMine()) return;
        this.answered = asked;
        [this.error, this.frame, this.grid] = [message, null, null];
        schedule(this);
      },
    });
  }

  take(message: FrameMessage): void {
    const isDelta = message.kind === "delta" && this.frame !== null && Boolean(message.frame.bucket_us);
    if (this.isLine) this.takeGrid(message, isDelta);
    else this.frame = isDelta && this.frame ? mergeDelta(this.frame, message.frame, message.replace_from_us) : message.frame;
    this.error = null;
    schedule(this);
  }

  private takeGrid(message: FrameMessage, isDelta: boolean): void {
    if (!isDelta) this.grid = new Grid();
    this.grid?.apply(message.frame, isDelta ? (message.replace_from_us ?? message.frame.end_us) : null);
    this.frame = message.frame;
  }

  publish(): void {
    this.data.value = { frame: this.frame, grid: this.grid, error: this.error, asked: this.answered };
  }
}

/** The data of a panel under the present view. */
export function usePanelData(dashboard: string, panel: Panel, variables: readonly string[]): { data: Signal<PanelData>; request: Subscription } {
  const feed = useMemo(() => new PanelFeed(panel.kind === "line"), [dashboard, panel.id, panel.kind]);
  const { spanS, endUs, vars } = view.value;
  const chosen = Object.fromEntries(variables.filter((name) => vars[name]?.length).map((name) => [name, vars[name] as string[]]));
  const request: Subscription = { dashboard, panel: panel.id, range: rangeOf({ spanS, endUs }), vars: chosen };
  useEffect(() => feed.open(request), [feed, JSON.stringify(request)]);
  return { data: feed.data, request };
}
