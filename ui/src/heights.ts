/** How tall each panel was on this phone, where height follows content: its place is kept free before its data is there. */

const STORE = "tapewatch.heights";
const phone = typeof matchMedia === "function" ? matchMedia("(max-width: 719px)") : null;

let known: Record<string, number> | null = null;

function heights(): Record<string, number> {
  if (known) return known;
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORE) ?? "{}");
    known = typeof kept === "object" && kept !== null ? (kept as Record<string, number>) : {};
  } catch {
    known = {};
  }
  return known;
}

/** Pixels to keep free for a panel. */
export function heightFor(id: string, rowsTall: number): number {
  const kept = phone?.matches ? heights()[id] : undefined;
  return typeof kept === "number" ? Math.max(kept, rowsTall) : rowsTall;
}

/** Remember how tall a panel with data is. */
export function noteHeight(id: string, pixels: number): void {
  if (!phone?.matches || heights()[id] === pixels) return;
  heights()[id] = pixels;
  try {
    localStorage.setItem(STORE, JSON.stringify(known));
  } catch {
    // Storage is full or forbidden: the next visit moves once more.
  }
}
