/** A variable of the dashboard: which values of a tag are shown; nothing chosen means all. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { getValues } from "../api";
import { go, view } from "../address";
import { byName } from "../order";
import { catalog } from "../state";
import type { Catalog, Dashboard, Panel } from "../wire";
import { words } from "../units";
import { Popup } from "./popup";

/** The tables of a dashboard that have the tag. */
export function tablesWith(dashboard: Dashboard, name: string, tables: Catalog | null): string[] {
  const asked = new Set(dashboard.panels.map((panel) => panel.query?.["table"]).filter((table): table is string => typeof table === "string"));
  return [...asked].filter((table) => {
    const known = tables?.tables.find((one) => one.name === table);
    return !known || name === "env" || known.columns.some((column) => column.name === name);
  });
}

/** Chosen variables that say nothing about a panel: its table has no such tag, so it shows all. */
export function ignoredBy(panel: Panel, vars: Record<string, string[]>, tables: Catalog | null): string[] {
  const columns = tables?.tables.find((one) => one.name === panel.query?.["table"])?.columns;
  return columns ? Object.keys(vars).filter((name) => name !== "env" && !columns.some((column) => column.name === name)) : [];
}

export function Variable({ dashboard, name }: { dashboard: Dashboard; name: string }): JSX.Element {
  const chosen = view.value.vars[name] ?? [];
  const label = chosen.length === 0 ? "all" : chosen.length <= 2 ? chosen.join(", ") : `${chosen.length} chosen`;
  return (
    <Popup
      label={chosen.length ? `only ${words(name)} ${chosen.join(", ")}` : `every ${words(name)}`}
      className={chosen.length ? "outlined" : ""}
      button={
        <>
          <span class="dim">{words(name)}</span> {label} <span aria-hidden="true">▾</span>
        </>
      }
    >
      {() => <Choices dashboard={dashboard} name={name} />}
    </Popup>
  );
}

const SEARCHED_FROM = 10;

function Choices({ dashboard, name }: { dashboard: Dashboard; name: string }): JSX.Element {
  const [values, setValues] = useState<string[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const chosen = view.value.vars[name] ?? [];
  useEffect(() => {
    let isWanted = true;
    void Promise.all(tablesWith(dashboard, name, catalog.value).map((table) => getValues(table, name)))
      .then((lists) => isWanted && setValues([...new Set(lists.flat())].sort(byName)))
      .catch((problem: unknown) => isWanted && setError(problem instanceof Error ? problem.message : String(problem)));
    return () => void (isWanted = false);
  }, [dashboard, name]);
  const set = (next: string[]): void => go({ vars: { ...view.value.vars, [name]: next } });
  const toggle = (value: string): void => set(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value].sort());
  const all = [...new Set([...(values ?? []), ...chosen])];
  return (
    <div class="menu">
      {all.length >= SEARCHED_FROM && <input type="search" placeholder="Find" aria-label={`Find ${words(name)}`} value={search} onInput={(event) => setSearch(event.currentTarget.value)} />}
      <label>
        <input type="checkbox" checked={chosen.length === 0} onChange={() => set([])} /> all
      </label>
      {all
        .filter((value) => value.toLowerCase().includes(search.toLowerCase()))
        .map((value) => (
          <label key={value}>
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} /> {value}
          </label>
        ))}
      {error !== null && <p class="dim">{error}</p>}
      {values?.length === 0 && error === null && <p class="dim">No values yet.</p>}
    </div>
  );
}
