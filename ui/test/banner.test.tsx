import { render } from "preact-render-to-string";
import { beforeEach, expect, it } from "vitest";
import { beat } from "../src/clock";
import { link, tick } from "../src/live";
import { Banners } from "../src/parts/banner";
import { S, T0 } from "./frames";

const say = (store: { state: string; is_full?: boolean; message?: string }): string => {
  tick.value = { op: "tick", server_time_us: T0, dashboards: {}, ingest: { newest_us: T0 - 5 * S }, store: { since_us: T0 - 3 * S, ...store } };
  return render(<Banners />);
};

beforeEach(() => {
  beat.value = T0;
  link.value = { state: "open", heardUs: T0, retryUs: null };
});

it("says nothing while the store is well", () => expect(say({ state: "ok" })).not.toContain("data-banner"));

it("says that the store is away, and why", () => {
  const html = say({ state: "down", is_full: false, message: "the network is gone." });
  expect(html).toContain("The store is away");
  expect(html).toContain(": the network is gone. Data until");
  expect(html).toContain("last good answer");
  expect(html).not.toContain("Read-only");
});

it("says that it only reads while the disk is full", () => {
  const html = say({ state: "down", is_full: true, message: "No space left on device" });
  expect(html).toContain("Read-only: the disk of the store is full");
  expect(html).toContain("Nothing that was acknowledged is lost");
  expect(html).not.toContain("The store is away");
});
