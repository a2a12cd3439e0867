/** The one WebSocket of a tab: subscriptions, the tick, loss and return of the link. */

import { computed, signal } from "@preact/signals";
import { eventsAddress, liveAddress } from "./api";
import { forgetServerTime, heardServerTime, nowUs } from "./clock";
import { EventLink, type Wire } from "./event-link";
import type { FrameMessage, ServerMessage, Subscription, Tick } from "./wire";

export interface Link {
  state: "connecting" | "open" | "lost";
  /** Server time of the last thing heard; until then the data is true. */
  heardUs: number | null;
  /** When the next attempt is made. */
  retryUs: number | null;
}

/** What a subscriber hears. */
export interface Sink {
  frame(message: FrameMessage): void;
  refused(message: string): void;
}

export const link = signal<Link>({ state: "connecting", heardUs: null, retryUs: null });
export const tick = signal<Tick | null>(null);
/** What was told is no longer the present: the link is lost, or the server cannot reach its store. */
export const isBlind = computed(() => link.value.state === "lost" || tick.value?.store?.state === "down");
/** Since when it is not, in server time; null while it is, or when nobody said. */
export const blindSinceUs = computed(() => (link.value.state === "lost" ? link.value.heardUs : tick.value?.store?.state === "down" ? (tick.value.store.since_us ?? null) : null));
export const simulated = signal(false);
/** Version of the server this page was loaded from, and whether another one answers now. */
export const isOutdated = signal(false);

/** The server ticks every second; after this long without a word the link is lost, whatever the socket says. */
const SILENCE_MS = 5000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/** Wait before attempt n (from 0): doubled each time up to a limit, with jitter so that a thousand tabs do not return at once. */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
  return full / 2 + (random * full) / 2;
}

/** After this many WebSockets that were never greeted, every second attempt is made without one: something on the way may let none through. */
const PATIENT_WITH_SOCKETS = 2;

function openWire(unheard: number): Wire {
  const isWithout = unheard >= PATIENT_WITH_SOCKETS && unheard % 2 === 0;
  return isWithout ? new EventLink(eventsAddress()) : (new WebSocket(liveAddress()) as Wire);
}

interface Entry {
  request: Subscription;
  sink: Sink;
  topic: string | null;
  sequence: number;
}

export class Live {
  private socket: Wire | null = null;
  /** Links in a row that ended before the server had greeted. */
  private unheard = 0;
  private readonly entries = new Map<string, Entry>();
  private attempt = 0;
  private counter = 0;
  private version: string | null = null;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly open: (unheard: number) => Wire = openWire) {}

  start(): void {
    clearTimeout(this.retry);
    this.socket?.close();
    const socket = this.open(this.unheard++);
    this.socket = socket;
    socket.onmessage = (event: MessageEvent<string>) => this.socket === socket && this.hear(event.data);
    socket.onclose = () => this.socket === socket && this.lose();
    this.listen();
  }

  /** Ask for a panel; returns the way to stop. */
  subscribe(request: Subscription, sink: Sink): () => void {
    const id = `p${++this.counter}`;
    this.entries.set(id, { request, sink, topic: null, sequence: -1 });
    this.send({ op: "subscribe", id, ...request });
    return () => {
      if (this.entries.delete(id)) this.send({ op: "unsubscribe", id });
    };
  }

  /** Try at once, when the browser says that there is a chance. */
  hurry(): void {
    if (link.value.state !== "open") {
      this.attempt = 0;
      this.start();
    }
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN && link.value.state === "open") this.socket.send(JSON.stringify(message));
  }

  private hear(data: string): void {
    const message = JSON.parse(data) as ServerMessage;
    this.listen();
    switch (message.op) {
      case "hello":
        return this.greet(message);
      case "tick":
        heardServerTime(message.server_time_us);
        tick.value = message;
        if (message.simulated !== undefined) simulated.value = message.simulated;
        link.value = { state: "open", heardUs: message.server_time_us, retryUs: null };
        return undefined;
      case "subscribed": {
        const entry = this.entries.get(message.id);
        if (entry) entry.topic = message.topic;
        return undefined;
      }
      case "error":
        this.entries.get(message.id ?? "")?.sink.refused(message.message);
        return undefined;
      case "frame":
        return this.deliver(message);
      default:
        return undefined;
    }
  }

  private greet(hello: { server_time_us: number; version: string; simulated: boolean }): void {
    forgetServerTime();
    heardServerTime(hello.server_time_us);
    this.attempt = 0;
    this.unheard = 0;
    this.version ??= hello.version;
    isOutdated.value = this.version !== hello.version;
    simulated.value = hello.simulated;
    link.value = { state: "open", heardUs: hello.server_time_us, retryUs: null };
    for (const [id, entry] of this.entries) {
      [entry.topic, entry.sequence] = [null, -1];
      this.send({ op: "subscribe", id, ...entry.request });
    }
  }

  private deliver(message: FrameMessage): void {
    for (const entry of this.entries.values()) {
      if (entry.topic !== message.topic) continue;
      const isOld = message.kind === "delta" && message.sequence <= entry.sequence;
      if (isOld || (message.kind === "delta" && entry.sequence < 0)) continue;
      entry.sequence = message.sequence;
      entry.sink.frame(message);
    }
  }

  /** Every message pushes the moment away at which silence counts as loss. */
  private listen(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lose(), SILENCE_MS);
  }

  private lose(): void {
    clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    const wait = backoffMs(this.attempt++, Math.random());
    link.value = { state: "lost", heardUs: link.value.heardUs, retryUs: nowUs() + wait * 1000 };
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.start(), wait);
  }
}

export const live = new Live();
