import { describe, expect, it } from "vitest";
import { asStatus, isStale, isUnheard, shownStatus, worst } from "../src/status";
import { S, T0, series } from "./frames";

describe("staleness", () => {
  const fresh = series({ venue: "a" });

  it("begins when twice the expected spacing has passed without a newer row being told", () => {
    expect(isStale(fresh, T0 + 13 * S)).toBe(false);
    expect(isStale(fresh, T0 + 15 * S)).toBe(true);
  });

  it("does not flicker on fast series", () => expect(isStale({ ...fresh, expected_us: S / 10 }, T0 + 3 * S)).toBe(false));

  it("follows the server at once, and never guesses without an expectation", () => {
    expect(isStale({ ...fresh, stale: true }, T0)).toBe(true);
    expect(isStale({ ...fresh, expected_us: null }, T0 + 999 * S)).toBe(false);
  });
});

describe("status", () => {
  it("is no longer up once the server should have judged again and told nothing", () => {
    const aged = series({ venue: "a" });
    expect(shownStatus("up", aged, T0 + 60 * S)).toBe("unknown");
    expect(shownStatus("down", aged, T0 + 60 * S)).toBe("down");
    expect(shownStatus("up", aged, T0 + 15 * S)).toBe("up");
  });

  it("is not known when the silence began to count only after nothing could be heard", () => {
    const silent = { ...series({ venue: "a" }), newest_us: T0, expected_us: 5 * S, stale: true };
    expect(isUnheard(silent, T0 + 4 * S)).toBe(true);
    expect(isUnheard(silent, T0 + 30 * S)).toBe(false);
    expect(isUnheard({ ...silent, stale: false }, T0 + 4 * S)).toBe(false);
  });

  it("orders up < unknown < degraded < down", () => {
    expect(worst(["up", "unknown"])).toBe("unknown");
    expect(worst(["unknown", "degraded", "up"])).toBe("degraded");
    expect(worst([])).toBeNull();
  });

  it("reads every other word as unknown", () => {
    expect(asStatus("fine")).toBe("unknown");
    expect(asStatus(null)).toBe("unknown");
  });
});
