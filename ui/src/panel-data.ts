/** What one panel knows: its newest frame with all deltas in it, published to the screen at most once per drawn picture. */

import { type Signal, effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { rangeOf, view } from "./address";
import { nowUs } from "./clock";
import { EXPLORE } from "./explore";
import { mergeDelta } from "./frames";
import { Grid } from "./grid";
import { frameOfGrid, keep, recall } from "./last-state";
import { type Sink, link, live } from "./live";
import { queryOf } from "./snippets";
import { inTurn } from "./turns";
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

/** A panel is drawn no more often than eyes can follow, one of many rows once a second. */
const LEAST_PAUSE_MS = 250;
const MANY_ROWS = 40;
const PAUSE_OF_MANY_MS = 1000;

function schedule(feed: PanelFeed): void {
  const wait = feed.publishedMs + feed.pauseMs - performance.now();
  if (wait <= 0) return inTurn(feed, () => feed.publish());
  feed.waiting ??= setTimeout(() => {
    feed.waiting = null;
    inTurn(feed, () => feed.publish());
  }, wait);
}

const SAVE_EVERY_MS = 30_000;
const feeds = new Set<PanelFeed>();

async function saveAll(): Promise<void> {
  for (const feed of feeds) await feed.save();
}

/** Keep what is shown every half minute and whenever the page is left. */
export function keepLastState(): void {
  setInterval(() => !document.hidden && void saveAll(), SAVE_EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden && void saveAll());
  addEventListener("pagehide", () => void saveAll());
}

export class PanelFeed {
  readonly data: Signal<PanelData> = signal(NOTHING);
  /** When it was drawn last, and the timer that waits for the next time. */
  publishedMs = -Infinity;
  waiting: ReturnType<typeof setTimeout> | null = null;
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
    feeds.add(this);
    const stopRecalling = effect(() => {
      if (link.value.state === "lost" && this.frame === null) void this.remember(asked);
    });
    const stop = live.subscribe(request, this.sink(asked, isMine));
    return () => {
      feeds.delete(this);
      stopRecalling();
      stop();
    };
  }

  /** Show what was kept on this device, until the server answers. */
  private async remember(asked: string): Promise<void> {
    const kept = await recall(asked, nowUs());
    if (!kept || this.frame !== null || this.asked !== asked) return;
    this.answered = asked;
    this.take({ op: "frame", topic: "", sequence: -1, kind: "snapshot", frame: { ...kept.frame, state: "last_good", error: "The server does not answer." } });
    if (link.peek().heardUs === null) link.value = { ...link.peek(), heardUs: kept.heardUs };
  }

  /** Keep what is shown on this device. */
  async save(): Promise<void> {
    const { heardUs, state } = link.peek();
    if (state !== "open" || heardUs === null || !this.frame || this.answered !== this.asked) return;
    const frame = this.grid ? frameOfGrid(this.grid, this.frame) : this.frame;
    if (frame) await keep(this.asked, { frame, heardUs });
  }

  private sink(asked: string, isMine: () => boolean): Sink {
    return {
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
    };
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

  get pauseMs(): number {
    const isMany = !this.isLine && (this.frame?.rows ?? 0) > MANY_ROWS && this.answered === this.data.peek().asked;
    return isMany ? PAUSE_OF_MANY_MS : this.answered === this.data.peek().asked ? LEAST_PAUSE_MS : 0;
  }

  publish(): void {
    this.publishedMs = performance.now();
    this.data.value = { frame: this.frame, grid: this.grid, error: this.error, asked: this.answered };
  }
}

/** The data of a panel under the present view. */
export function usePanelData(dashboard: string, panel: Panel, variables: readonly string[]): { data: Signal<PanelData>; request: Subscription } {
  const feed = useMemo(() => new PanelFeed(panel.kind === "line"), [dashboard, panel.id, panel.kind]);
  const { spanS, endUs, vars } = view.value;
  const chosen = Object.fromEntries(variables.filter((name) => vars[name]?.length).map((name) => [name, vars[name] as string[]]));
  const request: Subscription = { dashboard, panel: panel.id, range: rangeOf({ spanS, endUs }), vars: chosen };
  if (dashboard === EXPLORE) request.query = queryOf(panel, request, null) ?? {};
  useEffect(() => feed.open(request), [feed, JSON.stringify(request)]);
  return { data: feed.data, request };
}
