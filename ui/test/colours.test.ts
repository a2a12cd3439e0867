import { describe, expect, it } from "vitest";
import { DASHES, HUES, Slots, hash } from "../src/colours";

describe("series colours", () => {
  const ids = Array.from({ length: HUES * DASHES.length }, (_, i) => `venue=v${i}`);

  it("stay with their series", () => {
    const slots = new Slots();
    const first = ids.map((id) => slots.of(id));
    expect(ids.map((id) => slots.of(id))).toEqual(first);
    expect(ids.map((id) => new Slots(slots.entries()).of(id))).toEqual(first);
  });

  it("are all different as long as there are enough", () => {
    const slots = new Slots();
    expect(new Set(ids.map((id) => slots.of(id))).size).toBe(ids.length);
  });

  it("use up the hues before the dashes", () => {
    const slots = new Slots();
    expect(ids.slice(0, HUES).every((id) => slots.of(id) < HUES)).toBe(true);
  });

  it("begin where the series hashes to, wherever that is asked", () => {
    for (const id of ids) expect(new Slots().of(id)).toBe(hash(id) % HUES);
  });

  it("go on when more series come than there are looks", () => {
    const slots = new Slots();
    for (let i = 0; i < 1000; i++) expect(slots.of(`s${i}`)).toBeLessThan(HUES * DASHES.length);
  });
});
