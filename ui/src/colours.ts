/** One colour per series, the same on every panel and after a reload. */

/** Eight colours that stay apart for colour-blind eyes (after Okabe and Ito), times three dashes. */
export const HUES = 8;
export const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3]];
const SLOTS = HUES * DASHES.length;
const KEPT = 400;
const STORE = "tapewatch.colours";

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Slots already given, by series; the slot a series hashes to, or the next free one. */
export class Slots {
  private readonly given: Map<string, number>;

  constructor(entries: Iterable<[string, number]> = []) {
    this.given = new Map(entries);
  }

  /** The slot of one series; the first colours are used up before dashes. */
  of(id: string): number {
    const found = this.given.get(id);
    if (found !== undefined) return found;
    if (this.given.size >= KEPT) this.given.clear();
    const slot = this.free(hash(id) % HUES);
    this.given.set(id, slot);
    return slot;
  }

  private free(wanted: number): number {
    const taken = new Set(this.given.values());
    for (let i = 0; i < SLOTS; i++) {
      const slot = Math.floor(i / HUES) * HUES + ((wanted + i) % HUES);
      if (!taken.has(slot)) return slot;
    }
    return hash(String(wanted + this.given.size)) % SLOTS;
  }

  get size(): number {
    return this.given.size;
  }

  entries(): [string, number][] {
    return [...this.given];
  }
}

let slots: Slots | null = null;

/** Slot of a series in this browser; remembered over reloads. */
export function slotOf(id: string): number {
  slots ??= new Slots(remembered());
  const before = slots.size;
  const slot = slots.of(id);
  if (slots.size !== before) remember(slots);
  return slot;
}

function remembered(): [string, number][] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(STORE) ?? "[]");
    return Array.isArray(value) ? (value as [string, number][]) : [];
  } catch {
    return [];
  }
}

function remember(given: Slots): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(given.entries()));
  } catch {
    // Storage may be full or forbidden; colours then last as long as the page.
  }
}
