/** Dashboards with their worst status: a rail on the left, a bar below on a phone. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { go, linkTo } from "../address";
import { CONNECT } from "../connect";
import { lettersOf, pagesOf } from "../keys";
import { current, dashboardStatus, dashboards, isJudged } from "../state";
import { worst } from "../status";
import type { Dashboard } from "../wire";
import { Popup } from "./popup";
import { StatusMark } from "./status";

const STORE = "tapewatch.rail";
const ON_PHONE = 5;

function remembered(): boolean {
  try {
    const kept = localStorage.getItem(STORE);
    return kept === null ? innerWidth < 1100 : kept === "narrow";
  } catch {
    return false;
  }
}

export const isNarrow = signal(remembered());

function fold(): void {
  isNarrow.value = !isNarrow.value;
  try {
    localStorage.setItem(STORE, isNarrow.value ? "narrow" : "wide");
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}

export function Rail(): JSX.Element {
  const all = pagesOf(dashboards.value ?? []);
  const letters = new Map([...lettersOf(all)].map(([letter, id]) => [id, letter]));
  return (
    <nav class="rail" aria-label="Dashboards">
      <div class="brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M2 18h7l3-9 5 15 4-10 2 4h7" fill="none" stroke="var(--accent)" stroke-width="2.6" stroke-linejoin="round" stroke-linecap="round" />
        </svg>
        <span>tapewatch</span>
      </div>
      {all.map((dashboard) => (
        <DashboardLink key={dashboard.id} dashboard={dashboard} letter={letters.get(dashboard.id)} />
      ))}
      <button type="button" class="fold" onClick={fold} aria-label={isNarrow.value ? "Widen the list" : "Narrow the list"} title={isNarrow.value ? "Widen the list" : "Narrow the list"}>
        {isNarrow.value ? "»" : "«"}
      </button>
    </nav>
  );
}

function DashboardLink({ dashboard, letter, onOpen }: { dashboard: Dashboard; letter?: string | undefined; onOpen?: () => void }): JSX.Element {
  const { status, wrong } = dashboardStatus(dashboard.id);
  const change = { dashboard: dashboard.id, full: null };
  const open = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(change);
    scrollTo(0, 0);
    onOpen?.();
  };
  const hasStatus = isJudged(dashboard.id);
  const said = !hasStatus ? (dashboard.sentence ?? "") : wrong ? `${status}, ${wrong} wrong` : status;
  return (
    <a href={linkTo(change)} onClick={open} aria-current={current.value?.id === dashboard.id ? "page" : undefined} title={`${dashboard.title}: ${said}${letter ? ` (g ${letter})` : ""}`} data-dashboard={dashboard.id}>
      {hasStatus ? <StatusMark quiet status={status} word={said} /> : dashboard.id === CONNECT ? <Plus /> : <Lens />}
      <span class="name">{dashboard.title}</span>
      {wrong ? <span class="count">{wrong}</span> : null}
    </a>
  );
}

/** A page that asks has no status. */
function Lens(): JSX.Element {
  return (
    <svg class="lens" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8M8 8l3.4 3.4" fill="none" stroke="currentColor" stroke-width="1.4" />
    </svg>
  );
}

/** A page that adds. */
function Plus(): JSX.Element {
  return (
    <svg class="lens" viewBox="0 0 12 12" aria-hidden="true">
      <path d="M6 1v10M1 6h10" fill="none" stroke="currentColor" stroke-width="1.4" />
    </svg>
  );
}

export function BottomBar(): JSX.Element {
  const all = pagesOf(dashboards.value ?? []);
  const shown = all.length <= ON_PHONE ? all : all.slice(0, ON_PHONE - 1);
  const hidden = all.slice(shown.length);
  const worstHidden = worst(hidden.filter((dashboard) => isJudged(dashboard.id)).map((dashboard) => dashboardStatus(dashboard.id).status)) ?? "unknown";
  return (
    <nav class="bottom" aria-label="Dashboards">
      {shown.map((dashboard) => (
        <DashboardLink key={dashboard.id} dashboard={dashboard} />
      ))}
      {hidden.length > 0 && (
        <Popup
          label="more dashboards"
          role="menu"
          button={
            <>
              <StatusMark quiet status={worstHidden} />
              <span>More</span>
            </>
          }
        >
          {(close) => (
            <div class="menu">
              {hidden.map((dashboard) => (
                <DashboardLink key={dashboard.id} dashboard={dashboard} onOpen={close} />
              ))}
            </div>
          )}
        </Popup>
      )}
    </nav>
  );
}
