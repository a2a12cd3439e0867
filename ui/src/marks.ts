/** What happened, as charts mark it: starts, reconnects, events of sequences. Asked once for the page, drawn on every chart that it may explain. */

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { rangeOf, view } from "./address";
import { keyId, keyLabel, measureColumns, mergeDelta, rowKey, tagColumns } from "./frames";
import { live } from "./live";
import { SECOND_US } from "./time";
import { type Writing, words, writeText } from "./units";
import type { Cell, Column, Dashboard, Frame, Key, Panel } from "./wire";

export interface Mark {
  kind: string;
  title: string;
  /** When it was seen; the first of several, and the last. */
  firstUs: number;
  us: number;
  /** It happened at most so long before it was seen; 0 where the time is that of the event itself. */
  withinUs: number;
  key: Key;
  /** Tags that a line has to share with it. */
  needs: readonly string[];
  /** The numbers that belong to it. */
  numbers: readonly { name: string; value: Cell; unit: string | null }[];
}

const STORE = "tapewatch.marks";
/** Starts that were worked out from two rows may differ by so much and are the same. */
const SAME_US = 2 * SECOND_US;
/** Marks follow when the panels have asked. */
const AFTER_MS = 300;

/** Kinds of marks, as the server lists them. */
export const markKinds = signal<readonly Panel[]>([]);
export const areMarksShown = signal(typeof localStorage === "undefined" || localStorage.getItem(STORE) !== "off");
const frames = signal<Readonly<Record<string, Frame>>>({});

/** All marks in the page's range, oldest first. */
export const marks = computed<readonly Mark[]>(() => {
  if (!areMarksShown.value) return [];
  const found = markKinds.value.flatMap((panel) => (frames.value[panel.id] ? marksOf(panel, frames.value[panel.id] as Frame) : []));
  return found.sort((a, b) => a.us - b.us);
});

export function toggleMarks(): void {
  areMarksShown.value = !areMarksShown.value;
  try {
    localStorage.setItem(STORE, areMarksShown.value ? "on" : "off");
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the page.
  }
}

/** The marks of one kind in a frame; one event that several rows tell of is one mark. */
export function marksOf(panel: Panel, frame: Frame): Mark[] {
  const options = panel.options ?? {};
  const of = (option: string): Column | undefined => frame.columns.find((one) => one.name === options[option]);
  const [at, first, minus, within] = [of("at"), frame.columns.find((one) => one.name === "first_at"), of("minus"), of("within")];
  if (!at) return [];
  const about = new Set([at, first, minus, within]);
  const measured = measureColumns(frame).filter((one) => !about.has(one));
  const tags = tagColumns(frame);
  const found: Mark[] = [];
  for (let row = 0; row < frame.rows; row++) {
    const seen = at.values[row];
    if (typeof seen !== "number") continue;
    const back = minus ? Number(minus.values[row] ?? 0) * SECOND_US : 0;
    const key = rowKey(tags, row);
    const numbers = measured.map((one) => ({ name: one.name, value: one.values[row] ?? null, unit: one.unit })).filter((one) => one.value !== null);
    const us = seen - back;
    const mark: Mark = { kind: panel.id, title: panel.title, firstUs: Number(first?.values[row] ?? seen) - back, us, withinUs: Number(within?.values[row] ?? 0) * SECOND_US, key, needs: names(options["needs"]), numbers };
    const isTold = !within && found.some((one) => Math.abs(one.us - us) <= SAME_US && keyId(one.key) === keyId(key));
    if (!isTold) found.push(mark);
  }
  return found;
}

function names(option: unknown): string[] {
  return Array.isArray(option) ? option.filter((one): one is string => typeof one === "string") : [];
}

/** Whether a mark may explain one of these lines: it shares what it needs to share, and nothing that both name differs. */
export function concerns(mark: Mark, keys: readonly Key[]): boolean {
  return keys.some((key) => mark.needs.every((tag) => key[tag] === mark.key[tag] && key[tag] !== undefined) && Object.keys(key).every((tag) => !(tag in mark.key) || key[tag] === mark.key[tag]));
}

/** What a picture of these series marks. */
export function marksFor(keys: readonly Key[]): Mark[] {
  return marks.value.filter((mark) => concerns(mark, keys));
}

/** For those who hear a picture: "; 2 marks", nothing without one. */
export function marksAside(marks: readonly Mark[]): string {
  return marks.length ? `; ${marks.length} ${marks.length === 1 ? "mark" : "marks"}` : "";
}

/** "kraken: 3 gaps, 12 missing". */
export function markText(mark: Mark, how: Writing): string {
  const who = keyLabel(mark.key, Object.keys(mark.key).filter((tag) => tag !== "env"));
  const told = mark.numbers.map(({ name, value, unit }) => (unit === "count" ? `${writeText(value, unit, how)} ${words(name)}` : `${words(name)} ${writeText(value, unit, how)}`));
  return [who, told.join(", ")].filter(Boolean).join(": ");
}

/** The kinds that some chart of a page can show. */
export function kindsFor(page: Dashboard, kinds: readonly Panel[]): Panel[] {
  const charts = page.panels.filter(isOverTime).map((panel) => (panel.query?.["group_by"] as string[] | undefined) ?? []);
  return kinds.filter((kind) => charts.some((by) => names(kind.options?.["needs"]).every((tag) => by.includes(tag))));
}

/** Kinds of pictures over time; a heat map is one where its answer comes in buckets. */
export function isOverTime(panel: Panel): boolean {
  return panel.kind === "line" || panel.kind === "timeline" || (panel.kind === "heatmap" && (panel.options?.["x"] ?? "bucket") === "bucket");
}

/** Follow what happens in the page's range, for as long as the page is there. */
export function useMarks(page: Dashboard): void {
  const { spanS, endUs, vars } = view.value;
  const kinds = areMarksShown.value ? kindsFor(page, markKinds.value) : [];
  const asked = JSON.stringify([kinds.map((kind) => kind.id), rangeOf({ spanS, endUs }), vars]);
  useEffect(() => {
    let stops: (() => void)[] = [];
    const begin = setTimeout(() => (stops = kinds.map((kind) => follow(kind.id, vars))), AFTER_MS);
    return () => {
      clearTimeout(begin);
      for (const stop of stops) stop();
      frames.value = {};
    };
  }, [asked]);
}

function follow(kind: string, vars: Record<string, string[]>): () => void {
  const { spanS, endUs } = view.peek();
  return live.subscribe(
    { dashboard: "marks", panel: kind, range: rangeOf({ spanS, endUs }), vars },
    {
      frame: (message) => {
        const held = frames.peek()[kind];
        const next = message.kind === "delta" && held ? mergeDelta(held, message.frame, message.replace_from_us) : message.frame;
        if (held?.rows || next.rows || !held) frames.value = { ...frames.peek(), [kind]: next };
      },
      refused: () => undefined,
    },
  );
}
