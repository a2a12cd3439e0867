/** Dark and light: the system's choice unless a person chose here; and the theme's colours for canvases. */

import { computed, signal } from "@preact/signals";
import { HUES } from "./colours";
import type { Status } from "./wire";

export type Theme = "dark" | "light";

const STORE = "tapewatch.theme";

export const theme = signal<Theme>(typeof document !== "undefined" && document.documentElement.dataset["theme"] === "light" ? "light" : "dark");

export function followSystemTheme(): void {
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", (event) => {
    if (!stored()) apply(event.matches ? "light" : "dark");
  });
}

export function toggleTheme(): void {
  apply(theme.value === "dark" ? "light" : "dark");
  try {
    localStorage.setItem(STORE, theme.value);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function apply(next: Theme): void {
  document.documentElement.dataset["theme"] = next;
  theme.value = next;
}

export interface Palette {
  text: string;
  dim: string;
  line: string;
  panel: string;
  hatch: string;
  heatLow: string;
  heatHigh: string;
  status: Record<Status, string>;
  series: string[];
}

/** The theme's colours, read once per theme. */
export const palette = computed<Palette>(() => {
  void theme.value;
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: of("text"),
    dim: of("dim"),
    line: of("line"),
    panel: of("panel"),
    hatch: of("hatch"),
    heatLow: of("heat-low"),
    heatHigh: of("heat-high"),
    status: { up: of("up"), degraded: of("degraded"), down: of("down"), unknown: of("unknown") },
    series: Array.from({ length: HUES }, (_, i) => of(`s${i}`)),
  };
});

/** A hatch for canvases: what is hatched is not known. */
export function hatchPattern(context: CanvasRenderingContext2D, colour: string, ratio: number): CanvasPattern | string {
  const size = Math.round(7 * ratio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  if (!pen) return colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.2 * ratio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}
