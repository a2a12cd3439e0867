import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inTurn, outOfTurn } from "../src/turns";

/** A screen whose frames come when the test says so, and a clock that only work moves. */
let frames: (() => void)[] = [];
let nowMs = 0;

async function frame(): Promise<void> {
  for (const step of frames.splice(0)) step();
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

beforeEach(() => {
  [frames, nowMs] = [[], 0];
  vi.stubGlobal("requestAnimationFrame", (step: () => void) => frames.push(step));
  vi.spyOn(performance, "now").mockImplementation(() => nowMs);
});

afterEach(async () => {
  while (frames.length) await frame();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("turns", () => {
  it("does in one frame what fits into a slice of it, and the rest in the next, first come first served", async () => {
    const done: number[] = [];
    for (let i = 0; i < 5; i++) inTurn({ i }, () => [done.push(i), (nowMs += 2.5)]);
    await frame();
    expect(done).toEqual([0, 1, 2]);
    await frame();
    expect(done).toEqual([0, 1, 2, 3, 4]);
    expect(frames).toEqual([]);
  });

  it("counts what a step's components take to be drawn", async () => {
    const done: number[] = [];
    for (let i = 0; i < 2; i++) inTurn({ i }, () => [done.push(i), queueMicrotask(() => (nowMs += 100))]);
    await frame();
    expect(done).toEqual([0]);
  });

  it("does only the newest step of one, and nothing of one that is gone", async () => {
    const done: string[] = [];
    const [one, gone] = [{}, {}];
    inTurn(one, () => done.push("old"));
    inTurn(gone, () => done.push("gone"));
    inTurn(one, () => done.push("new"));
    outOfTurn(gone);
    await frame();
    expect(done).toEqual(["new"]);
  });

  it("goes on after a step that fails", async () => {
    const done: string[] = [];
    inTurn({}, () => {
      throw new Error("broken panel");
    });
    inTurn({}, () => done.push("other"));
    expect(() => frames.splice(0).forEach((step) => step())).toThrow("broken panel");
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(done).toEqual(["other"]);
  });
});
