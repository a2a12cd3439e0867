/** What the search finds, and in which order. */

import type { View } from "./address";
import { CONNECT_PAGE } from "./connect";
import { EXPLORE, firstQuestion } from "./explore";
import { SPANS } from "./time";
import { words } from "./units";
import type { Catalog, Dashboard } from "./wire";

export interface Hit {
  /** What kind of thing it is, in one word. */
  kind: string;
  name: string;
  /** Where it is, or what it does. */
  detail: string;
  /** Where it leads; null for what is done at once. */
  change: Partial<View> | null;
  act?: () => void;
}

export const MOST_HITS = 40;

/** Lower is better: the words of the search at the beginning of a name, of a word, anywhere; null when one is missing. */
export function score(hit: Hit, search: string): number | null {
  const name = hit.name.toLowerCase();
  const all = `${name} ${hit.detail.toLowerCase()} ${hit.kind}`;
  let sum = 0;
  for (const word of search.toLowerCase().split(/\s+/).filter(Boolean)) {
    if (!all.includes(word)) return null;
    const at = name.indexOf(word);
    sum += at === 0 ? 0 : at > 0 && /[\s/:_-]/.test(name[at - 1] ?? "") ? 1 : at > 0 ? 2 : 4;
  }
  return sum + name.length / 1000;
}

export function found(hits: readonly Hit[], search: string): Hit[] {
  const scored = hits.map((hit, at) => ({ hit, at, score: score(hit, search) })).filter((one): one is { hit: Hit; at: number; score: number } => one.score !== null);
  if (search.trim()) scored.sort((a, b) => a.score - b.score || a.at - b.at);
  return scored.slice(0, MOST_HITS).map((one) => one.hit);
}

/** Dashboards, their panels, tables and ranges: what is known without asking. */
export function knownHits(all: readonly Dashboard[], tables: Catalog | null): Hit[] {
  const pages = all.filter((one) => !one.subject);
  return [
    ...pages.map((one): Hit => ({ kind: "dashboard", name: one.title, detail: one.sentence ?? "", change: { dashboard: one.id, full: null } })),
    { kind: "page", name: "Explore", detail: "Ask any question to any table.", change: { dashboard: EXPLORE, full: null } },
    { kind: "page", name: CONNECT_PAGE.title, detail: CONNECT_PAGE.sentence ?? "", change: { dashboard: CONNECT_PAGE.id, full: null } },
    ...pages.flatMap((one) => one.panels.map((panel): Hit => ({ kind: "panel", name: panel.title, detail: one.title, change: { dashboard: one.id, full: panel.id } }))),
    ...(tables?.tables ?? []).map((table): Hit => ({ kind: "table", name: table.name, detail: table.sentence, change: { dashboard: EXPLORE, full: null, vars: {}, question: firstQuestion(table) } })),
    ...SPANS.map((span): Hit => ({ kind: "range", name: `Last ${span.label}`, detail: "", change: { spanS: span.seconds, endUs: null } })),
  ];
}

/** One value of a tag: its own page where there is one, else the first dashboard that can be filtered by it. */
export function valueHit(all: readonly Dashboard[], tag: string, value: string): Hit {
  const home = all.find((one) => one.subject === tag && !one.within?.length) ?? all.find((one) => one.variables.includes(tag));
  return { kind: words(tag), name: value, detail: home?.subject ? "" : (home?.title ?? ""), change: { dashboard: home?.id ?? EXPLORE, full: null, vars: { [tag]: [value] } } };
}
