import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Live, backoffMs, isBlind, isOutdated, link, tick, type Sink } from "../src/live";
import type { FrameMessage } from "../src/wire";
import { bucketed } from "./frames";

/** The browser's end of a connection, with the server's end in the test's hands. */
class Socket {
  static readonly all: Socket[] = [];
  readyState: number = WebSocket.OPEN;
  sent: Record<string, unknown>[] = [];
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    Socket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = WebSocket.CLOSED;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  hello(version = "1"): void {
    this.say({ op: "hello", server_time_us: 1_000_000, version, simulated: false });
  }
}

const REQUEST = { dashboard: "d", panel: "p", range: { last_s: 60 }, vars: {} };
const newest = (): Socket => Socket.all.at(-1) as Socket;
const frameOf = (kind: "snapshot" | "delta", sequence: number): object => ({ op: "frame", topic: "t1", sequence, kind, replace_from_us: null, frame: bucketed([]) });

function begin(): { live: Live; heard: FrameMessage[]; refused: string[]; stop: () => void } {
  const live = new Live(() => new Socket() as unknown as WebSocket);
  live.start();
  const heard: FrameMessage[] = [];
  const refused: string[] = [];
  const sink: Sink = { frame: (message) => heard.push(message), refused: (message) => refused.push(message) };
  const stop = live.subscribe(REQUEST, sink);
  return { live, heard, refused, stop };
}

beforeEach(() => {
  vi.useFakeTimers();
  Socket.all.length = 0;
  link.value = { state: "connecting", heardUs: null, retryUs: null };
  tick.value = null;
});
afterEach(() => vi.useRealTimers());

describe("subscriptions", () => {
  it("are sent once the server has greeted, and unsent when the panel goes", () => {
    const { stop } = begin();
    expect(newest().sent).toEqual([]);
    newest().hello();
    expect(newest().sent).toEqual([{ op: "subscribe", id: "p1", ...REQUEST }]);
    stop();
    expect(newest().sent.at(-1)).toEqual({ op: "unsubscribe", id: "p1" });
  });

  it("hear a snapshot first, then deltas in order, each once", () => {
    const { heard } = begin();
    newest().hello();
    newest().say({ op: "subscribed", id: "p1", topic: "t1" });
    newest().say(frameOf("delta", 6));
    newest().say(frameOf("snapshot", 7));
    newest().say(frameOf("delta", 7));
    newest().say(frameOf("delta", 8));
    newest().say(frameOf("delta", 8));
    expect(heard.map((message) => [message.kind, message.sequence])).toEqual([["snapshot", 7], ["delta", 8]]);
  });

  it("hear why they are refused; unknown messages are no harm", () => {
    const { refused } = begin();
    newest().hello();
    newest().say({ op: "error", id: "p1", code: "query", message: "there is no panel p" });
    newest().say({ op: "of-the-future" });
    newest().say({ op: "lag", dropped: 3 });
    expect(refused).toEqual(["there is no panel p"]);
  });
});

describe("the link", () => {
  it("is lost when it closes, says until when data is true, and resubscribes when it is back", () => {
    begin();
    newest().hello();
    newest().say({ op: "tick", server_time_us: 5_000_000, dashboards: {} });
    newest().onclose?.();
    expect(link.value).toMatchObject({ state: "lost", heardUs: 5_000_000 });
    expect(isBlind.value).toBe(true);
    vi.advanceTimersByTime(600);
    expect(Socket.all.length).toBe(2);
    newest().hello();
    expect(link.value.state).toBe("open");
    expect(newest().sent).toEqual([{ op: "subscribe", id: "p1", ...REQUEST }]);
  });

  it("is lost when the server falls silent without closing", () => {
    begin();
    newest().hello();
    vi.advanceTimersByTime(4900);
    expect(link.value.state).toBe("open");
    vi.advanceTimersByTime(200);
    expect(link.value.state).toBe("lost");
  });

  it("does not listen to a connection it has given up", () => {
    const { heard } = begin();
    const old = newest();
    old.hello();
    old.onclose?.();
    old.say({ op: "subscribed", id: "p1", topic: "t1" });
    old.say(frameOf("snapshot", 1));
    expect(heard).toEqual([]);
  });

  it("notices that another version answers", () => {
    begin();
    newest().hello("1");
    newest().onclose?.();
    vi.advanceTimersByTime(600);
    newest().hello("2");
    expect(isOutdated.value).toBe(true);
  });

  it("waits longer each time, up to a limit, and never as long as everybody else", () => {
    expect(backoffMs(0, 0)).toBe(250);
    expect(backoffMs(0, 1)).toBe(500);
    expect(backoffMs(3, 0.5)).toBe(3000);
    expect(backoffMs(40, 1)).toBe(15_000);
  });
});

it("is blind while the store is away", () => {
  begin();
  newest().hello();
  newest().say({ op: "tick", server_time_us: 1, dashboards: {}, store: { state: "down", since_us: 1, message: "full" } });
  expect(isBlind.value).toBe(true);
});

describe("where no WebSocket gets through", () => {
  it("counts the links that ended before a greeting, and begins anew after one", () => {
    const asked: number[] = [];
    const live = new Live((unheard) => {
      asked.push(unheard);
      return new Socket() as unknown as WebSocket;
    });
    live.start();
    for (let i = 0; i < 2; i++) {
      newest().onclose?.();
      vi.advanceTimersByTime(20_000);
    }
    expect(asked.slice(0, 3)).toEqual([0, 1, 2]);
    live.start();
    const before = asked.length;
    newest().hello();
    newest().onclose?.();
    vi.advanceTimersByTime(20_000);
    expect(asked[before]).toBe(0);
  });
});
