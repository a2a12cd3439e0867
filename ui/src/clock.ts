/** Server time in the page: the only module that reads the browser's clocks. */

import { computed, signal } from "@preact/signals";

/** Ticks remembered to find the one that travelled fastest: delay only ever makes the server look earlier. */
const SAMPLES = 30;
const SECOND_US = 1_000_000;

const samples: number[] = [];
let offsetUs = (Date.now() - performance.now()) * 1000;

/** Microseconds UTC on the server, now. */
export function nowUs(): number {
  return Math.round(performance.now() * 1000 + offsetUs);
}

/** True once the server has said what time it is. */
export const isSynchronised = signal(false);

/** Browser clock minus server clock in microseconds; 0 until the server was heard. */
export const browserSkewUs = signal(0);

/** Server time, renewed once a second for everything that counts up. It rests while the tab is hidden. */
export const beat = signal(nowUs());

/** The browser clock differs from the server's by more than 2 s. */
export const isSkewed = computed(() => Math.abs(browserSkewUs.value) > 2 * SECOND_US);

/** Take the server's time from a message that has just arrived. */
export function heardServerTime(serverUs: number): void {
  samples.push(serverUs - performance.now() * 1000);
  if (samples.length > SAMPLES) samples.shift();
  offsetUs = Math.max(...samples);
  isSynchronised.value = true;
  browserSkewUs.value = Math.round((Date.now() * 1000 - nowUs()) / 100_000) * 100_000;
}

/** Forget what was heard, when the link is new and the server may be another one. */
export function forgetServerTime(): void {
  samples.length = 0;
}

/** Start the once-a-second beat, in step with the server's full seconds. */
export function startBeat(): void {
  const next = (): void => {
    if (!document.hidden) beat.value = nowUs();
    setTimeout(next, 1000 - ((nowUs() / 1000) % 1000) + 5);
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) beat.value = nowUs();
  });
  next();
}
