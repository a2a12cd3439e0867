import { describe, expect, it } from "vitest";
import { parseView, rangeOf, writeView } from "../src/address";

describe("the address is the view", () => {
  it.each([
    "?",
    "?dashboard=exchange",
    "?dashboard=exchange&env=live&venue=binance&venue=kraken&range=24h&zone=local",
    "?dashboard=feeds&range=985s&at=2026-11-21T10%3A05%3A20.432Z&panel=latency",
  ])("%s survives", (search) => expect(writeView(parseView(search))).toBe(search));

  it("keeps values with any character", () => {
    const view = { ...parseView("?"), vars: { symbol: ["BTC/USDT:USDT", "a&b=c"] } };
    expect(parseView(writeView(view)).vars).toEqual(view.vars);
  });

  it("falls back to one live hour on nonsense", () => {
    const view = parseView("?range=yesterday&at=never&zone=mars");
    expect([view.spanS, view.endUs, view.zone]).toEqual([3600, null, "utc"]);
  });

  it("asks for a moving range while live and a fixed one otherwise", () => {
    expect(rangeOf({ spanS: 60, endUs: null })).toEqual({ last_s: 60 });
    expect(rangeOf({ spanS: 60, endUs: 100_000_000 })).toEqual({ start_us: 40_000_000, end_us: 100_000_000 });
  });
});
