import { describe, expect, it } from "vitest";
import { type Heat, fitting, heatOf, matrixWidth, mix } from "../src/heat";
import { bucketed, column, frame, series } from "./frames";

describe("heatOf", () => {
  it("makes a matrix of two tags and leaves unknown cells out", () => {
    const heat = heatOf(frame([column("venue", "tag", ["b", "a"]), column("symbol", "tag", ["x", "y"]), column("verdict", "state", ["fresh", "dead"], { status: ["up", "down"] })]), { x: "venue", y: "symbol", value: "verdict" });
    expect(heat?.isOverTime).toBe(false);
    expect([heat?.xs, heat?.ys]).toEqual([["a", "b"], ["x", "y"]]);
    expect(heat?.at("a", "y")?.status).toBe("down");
    expect(heat?.at("a", "x")).toBeUndefined();
  });

  it("tells a pair that is not watched from one without data", () => {
    const rows = frame([column("venue", "tag", ["a"]), column("symbol", "tag", ["x"]), column("verdict", "state", ["fresh"], { status: ["up"] })], {
      series: [series({ venue: "a", symbol: "x" }), series({ venue: "b", symbol: "x" })],
    });
    const heat = heatOf(rows, { x: "venue", y: "symbol" });
    expect([heat?.isWatched("b", "x"), heat?.isWatched("b", "y")]).toEqual([true, false]);
  });

  it("shows the worst where several rows meet in a cell", () => {
    const rows = frame([column("venue", "tag", ["a", "a"]), column("symbol", "tag", ["x", "x"]), column("verdict", "state", ["dead", "fresh"], { status: ["down", "up"] })]);
    expect(heatOf(rows, { x: "venue", y: "symbol" })?.at("a", "x")?.value).toBe("dead");
  });

  it("scales from zero", () => {
    const heat = heatOf(bucketed([[0, "a", 5], [1, "a", null]]), {});
    expect([heat?.isOverTime, heat?.scale.low, heat?.scale.high]).toEqual([true, 0, 5]);
  });

  it("knows for each cell the row that it shows", () => {
    const rows = frame([column("venue", "tag", ["a", "a"]), column("symbol", "tag", ["x", "x"]), column("verdict", "state", ["fresh", "dead"], { status: ["up", "down"] })]);
    expect(heatOf(rows, { x: "venue", y: "symbol" })?.at("a", "x")?.row).toBe(1);
  });

  it("needs two dimensions", () => expect(heatOf(frame([column("v", "gauge", [1])]))).toBeNull());
});

it("mixes colours by share and keeps to the ends", () => {
  expect(mix("#000000", "#ffffff", 0.5)).toBe("rgb(128 128 128)");
  expect(mix("#000000", "#ffffff", 7)).toBe("rgb(255 255 255)");
});

describe("fitting", () => {
  const venues = ["binance", "kraken"];
  const pairs = venues.flatMap((venue) => Array.from({ length: 9 }, (_, i): [string, string] => [venue, `SYMBOL-${i}/USDT`]));
  const wide = heatOf(
    frame([column("venue", "tag", pairs.map((pair) => pair[0])), column("symbol", "tag", pairs.map((pair) => pair[1])), column("verdict", "state", pairs.map(() => "fresh"), { status: pairs.map(() => "up") })], {
      series: pairs.map(([venue, symbol]) => series({ venue, symbol })),
    }),
    { x: "symbol", y: "venue" },
  ) as Heat;

  it("stays as it was asked for where that fits", () => expect(fitting(wide, matrixWidth(wide.xs, wide.ys))).toBe(wide));

  it("puts the shorter side across where it does not, and every cell stays what it was", () => {
    const turned = fitting(wide, 500);
    expect([turned.xs, turned.xTag, turned.yTag]).toEqual([venues, "venue", "symbol"]);
    expect(turned.ys).toHaveLength(9);
    expect(turned.at("kraken", "SYMBOL-3/USDT")).toBe(wide.at("SYMBOL-3/USDT", "kraken"));
    expect(turned.isWatched("kraken", "SYMBOL-3/USDT")).toBe(true);
  });
});
