/** Work that many panels have at once is done in turns, a slice of each frame of the screen, so that it never makes one long task. */

/** Layout and painting of what was done come on top, within the same frame. */
const SLICE_MS = 6;
const waiting = new Map<object, () => void>();
let isAsked = false;

/** Do it when it is this one's turn; a newer step of the same one replaces the one that waits. The browser gives no turns while the tab is hidden. */
export function inTurn(who: object, step: () => void): void {
  waiting.set(who, step);
  ask();
}

/** Forget what waits, when the panel is gone. */
export function outOfTurn(who: object): void {
  waiting.delete(who);
}

function ask(): void {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => turn(performance.now() + SLICE_MS));
}

/** One step, then the next until the slice is used up. Preact draws what a step has changed in a microtask of its own: that counts too. */
function turn(untilMs: number): void {
  const [first] = waiting;
  if (!first || performance.now() >= untilMs) {
    isAsked = false;
    if (first) ask();
    return;
  }
  const [who, step] = first;
  waiting.delete(who);
  try {
    step();
  } finally {
    queueMicrotask(() => turn(untilMs));
  }
}
