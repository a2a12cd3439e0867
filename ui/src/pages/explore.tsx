/** Explore: pick table, shape, measures and groups; the picture, its rows and its address follow. */

import type { JSX } from "preact";
import { go, view } from "../address";
import { type Question, SHAPES, filterOf, firstQuestion, measureOf } from "../explore";
import { PanelView } from "../panels/panel";
import { Popup } from "../parts/popup";
import { Variable } from "../parts/variable";
import { catalog, current, loadError } from "../state";
import { words } from "../units";
import type { CatalogColumn, CatalogTable, Dashboard } from "../wire";

const MOST_MEASURES = 6;
/** Offered for columns that quantiles can be made of. */
const QUANTILES = ["p50", "p95", "p99"];

export function ExplorePage(): JSX.Element {
  const page = current.value;
  const panel = page?.panels[0];
  const tables = catalog.value?.tables;
  const asked = view.value.question;
  if (!tables || !page) return <p class="dim">{loadError.value ?? ""}</p>;
  const table = tables.find((one) => one.name === (asked?.table ?? panel?.query?.["table"]));
  if (!table || !panel) return <NoTable name={asked?.table ?? ""} tables={tables} />;
  const question = asked ?? firstQuestion(table);
  const change = (next: Partial<Question>): void => go({ question: { ...question, ...next } });
  return (
    <>
      <Form page={page} table={table} tables={tables} question={question} change={change} />
      <div class="grid">
        <PanelView key={panel.kind} dashboard={page} panel={panel} />
      </div>
      {question.shape === "rows" && <Pages />}
    </>
  );
}

function NoTable({ name, tables }: { name: string; tables: CatalogTable[] }): JSX.Element {
  return (
    <div class="note">
      <strong>There is no table “{name}”.</strong>
      <span class="row">
        {tables.map((table) => (
          <button type="button" class="outlined" key={table.name} onClick={() => go({ question: firstQuestion(table) })}>
            {table.name}
          </button>
        ))}
      </span>
    </div>
  );
}

interface FormProps {
  page: Dashboard;
  table: CatalogTable;
  tables: CatalogTable[];
  question: Question;
  change(next: Partial<Question>): void;
}

function Form({ page, table, tables, question, change }: FormProps): JSX.Element {
  const choose = (name: string): void => {
    const next = tables.find((one) => one.name === name);
    if (next) go({ question: { ...firstQuestion(next), shape: question.shape }, vars: {} });
  };
  const isMeasured = question.shape === "time" || question.shape === "total";
  return (
    <form class="explore" aria-label="Question" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span class="dim">Table</span>
        <select aria-label="Table" value={table.name} onChange={(event) => choose(event.currentTarget.value)} title={table.sentence}>
          {tables.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <span class="group" role="group" aria-label="Shape">
        {SHAPES.map(({ id, label, sentence }) => (
          <button type="button" key={id} aria-pressed={question.shape === id} title={sentence} onClick={() => change({ shape: id })}>
            {label}
          </button>
        ))}
      </span>
      {isMeasured && <Measures table={table} question={question} change={change} />}
      {question.shape !== "rows" && <Groups table={table} question={question} change={change} />}
      <span class="group" role="group" aria-label="Filters">
        {page.variables.map((name) => (
          <Variable key={name} dashboard={page} name={name} />
        ))}
      </span>
      {question.where.map((text) => (
        <button type="button" class="outlined" key={text} title="Remove this filter" onClick={() => change({ where: question.where.filter((one) => one !== text) })}>
          {conditionText(text)} <span aria-hidden="true">×</span>
        </button>
      ))}
    </form>
  );
}

function conditionText(text: string): string {
  const found = filterOf(text);
  return found ? `${words(found.column)} ${found.comparison.replaceAll("_", " ")} ${found.values.join(", ")}`.trim() : text;
}

/** Functions that make sense for a column, as the server says; quantiles by their usual names. */
function functionsOf(column: CatalogColumn | undefined): string[] {
  const known = column?.functions ?? ["count"];
  return known.flatMap((name) => (name === "quantile" ? QUANTILES : name === "time_in_state" || name === "buckets" ? [] : [name]));
}

function Measures({ table, question, change }: Omit<FormProps, "tables" | "page">): JSX.Element {
  const columns = table.columns.filter((column) => column.kind !== "tag" && functionsOf(column).length > 0);
  const given = question.measures.length ? question.measures : ["count()"];
  const set = (at: number, text: string | null): void => change({ measures: text === null ? given.filter((_, i) => i !== at) : given.map((one, i) => (i === at ? text : one)) });
  const spare = columns.find((column) => column.unit !== "us" && !given.some((text) => measureOf(text)?.column === column.name));
  return (
    <>
      {given.map((text, at) => (
        <Measure key={at} text={text} columns={columns} set={(next) => set(at, next)} isOnly={given.length === 1} />
      ))}
      {given.length < MOST_MEASURES && spare && (
        <button type="button" onClick={() => change({ measures: [...given, `${functionsOf(spare).includes("max") ? "max" : functionsOf(spare)[0]}(${spare.name})`] })} aria-label="Add a measure" title="Add a measure">
          +
        </button>
      )}
    </>
  );
}

function Measure({ text, columns, set, isOnly }: { text: string; columns: CatalogColumn[]; set: (next: string | null) => void; isOnly: boolean }): JSX.Element {
  const found = measureOf(text);
  const column = columns.find((one) => one.name === found?.column);
  const name = /^(\w[\w.]*)\(/.exec(text)?.[1] ?? "count";
  const pick = (next: string): void => {
    const known = functionsOf(columns.find((one) => one.name === next));
    set(next ? `${known.includes(name) ? name : known.includes("max") ? "max" : known[0]}(${next})` : "count()");
  };
  const functions = functionsOf(column);
  return (
    <span class="group" role="group" aria-label={`Measure ${text}`}>
      <select aria-label="Function" value={name} onChange={(event) => set(`${event.currentTarget.value}(${column?.name ?? ""})`)}>
        {[...new Set([name, ...functions])].map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <select aria-label="Column" value={column?.name ?? ""} title={column?.sentence} onChange={(event) => pick(event.currentTarget.value)}>
        <option value="">rows</option>
        {columns.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </select>
      {!isOnly && (
        <button type="button" onClick={() => set(null)} aria-label={`Remove ${text}`} title="Remove">
          ×
        </button>
      )}
    </span>
  );
}

function Groups({ table, question, change }: Omit<FormProps, "tables" | "page">): JSX.Element {
  const tags = table.columns.filter((column) => column.kind === "tag").map((column) => column.name);
  const toggle = (name: string): void => change({ by: question.by.includes(name) ? question.by.filter((one) => one !== name) : [...question.by, name] });
  return (
    <Popup
      label="group by"
      button={
        <>
          <span class="dim">by</span> {question.by.map(words).join(", ") || (question.shape === "newest" ? "every tag" : "nothing")} <span aria-hidden="true">▾</span>
        </>
      }
    >
      {() => (
        <div class="menu">
          {tags.map((name) => (
            <label key={name}>
              <input type="checkbox" checked={question.by.includes(name)} onChange={() => toggle(name)} /> {words(name)}
            </label>
          ))}
        </div>
      )}
    </Popup>
  );
}

/** Further rows: the range ends where the shown ones begin. */
function Pages(): JSX.Element {
  const older = (): void => {
    const cells = document.querySelectorAll<HTMLElement>('[data-panel="answer"] [data-oldest]');
    const oldest = Number(cells[0]?.dataset["oldest"]);
    if (oldest) go({ endUs: Math.ceil(oldest / 1000) * 1000, spanS: view.value.spanS });
  };
  return (
    <div class="row" style={{ marginTop: "8px" }}>
      <button type="button" class="outlined" onClick={older}>
        Older rows
      </button>
    </div>
  );
}
