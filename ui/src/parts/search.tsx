/** Ctrl-K: one field that finds dashboards, panels, venues, symbols, hosts, tables and actions. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, linkTo, toggleLive, view } from "../address";
import { getValues } from "../api";
import { nowUs } from "../clock";
import { type Hit, found, knownHits, valueHit } from "../find";
import { isHelpOpen } from "../keys";
import { isSearchOpen } from "../search-open";
import { catalog, dashboards } from "../state";
import { toggleTheme } from "../theme";
import type { Dashboard } from "../wire";
import { useModal } from "./modal";

function actions(): Hit[] {
  const act = (name: string, detail: string, run: () => void): Hit => ({ kind: "action", name, detail, change: null, act: run });
  return [
    act("Pause or go live", "l", () => toggleLive(nowUs())),
    act("Dark or light", "d", toggleTheme),
    act("UTC or local time", "", () => go({ zone: view.value.zone === "utc" ? "local" : "utc" })),
    act("Clear all filters", "", () => go({ vars: {} })),
    act("All keys", "?", () => (isHelpOpen.value = true)),
  ];
}

/** Every value that a variable of a dashboard can take, asked once each time the search opens. */
async function values(all: readonly Dashboard[]): Promise<Hit[]> {
  const tables = new Map(all.flatMap((one) => Object.entries(one.variable_tables ?? {})).filter(([tag, table]) => tag !== "env" && table));
  const lists = await Promise.all([...tables].map(async ([tag, table]) => (await getValues(table, tag).catch(() => [])).map((value) => valueHit(all, tag, value))));
  return lists.flat();
}

export function Search(): JSX.Element {
  const { ref, onClose } = useModal(isSearchOpen);
  return (
    <dialog ref={ref} class="search" aria-label="Search" onClose={onClose} onClick={(event) => event.target === ref.current && (isSearchOpen.value = false)}>
      {isSearchOpen.value && <Field />}
    </dialog>
  );
}

function Field(): JSX.Element {
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const [named, setNamed] = useState<Hit[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const all = dashboards.value ?? [];
  useEffect(() => {
    let isWanted = true;
    void values(all).then((hits) => isWanted && setNamed(hits));
    return () => void (isWanted = false);
  }, [dashboards.value]);
  const hits = useMemo(() => found([...knownHits(all, catalog.value), ...named, ...actions()], search), [search, named, dashboards.value, catalog.value]);
  const chosen = Math.min(at, hits.length - 1);
  useEffect(() => list.current?.children[chosen]?.scrollIntoView({ block: "nearest" }), [chosen]);
  const open = (hit: Hit | undefined): void => {
    if (!hit) return;
    isSearchOpen.value = false;
    if (hit.change) go(hit.change);
    hit.act?.();
    scrollTo(0, 0);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Escape") {
      event.preventDefault(); // a field of this kind would only empty itself
      isSearchOpen.value = false;
      return;
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined && event.key !== "Enter") return;
    event.preventDefault();
    if (by === undefined) open(hits[chosen]);
    else setAt((chosen + by + hits.length) % Math.max(1, hits.length));
  };
  const click = (event: MouseEvent, hit: Hit): void => {
    if (hit.change && (event.ctrlKey || event.metaKey)) window.open(linkTo(hit.change));
    else open(hit);
  };
  return (
    <>
      <input
        type="search"
        list={undefined}
        role="combobox"
        aria-label="Search dashboards, panels, series and actions"
        aria-expanded="true"
        aria-controls="hits"
        aria-activedescendant={hits.length ? `hit-${chosen}` : undefined}
        placeholder="Dashboard, panel, venue, symbol, host, action"
        autoFocus
        value={search}
        onKeyDown={press}
        onInput={(event) => {
          setSearch(event.currentTarget.value);
          setAt(0);
        }}
      />
      <ul id="hits" role="listbox" aria-label="Found" ref={list}>
        {hits.map((hit, i) => (
          <li key={`${hit.kind} ${hit.name} ${hit.detail}`} id={`hit-${i}`} role="option" aria-selected={i === chosen} onClick={(event) => click(event, hit)} onMouseMove={() => i !== chosen && setAt(i)}>
            <span class="kind">{hit.kind}</span>
            <span class="name">{hit.name}</span>
            <span class="dim">{hit.detail}</span>
          </li>
        ))}
      </ul>
      {hits.length === 0 && <p class="dim">Nothing is called so.</p>}
    </>
  );
}
