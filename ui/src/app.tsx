/** The frame around every page: rail, top bar, banners. */

import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { view } from "./address";
import { isHelpOpen } from "./keys";
import { simulated } from "./live";
import { DashboardPage } from "./pages/dashboard";
import { Banners } from "./parts/banner";
import { Help } from "./parts/help";
import { BottomBar, Rail, isNarrow } from "./parts/rail";
import { Search } from "./parts/search";
import { TimeBar } from "./parts/time-range";
import { Variable } from "./parts/variable";
import { EXPLORE } from "./explore";
import { isSearchOpen } from "./search-open";
import { current, dashboardStatus, isJudged, subjectsOf } from "./state";
import { SHAPES } from "./status";
import { theme, toggleTheme } from "./theme";
import type { Dashboard } from "./wire";

export function App(): JSX.Element {
  useSignalEffect(() => {
    const dashboard = current.value;
    if (!dashboard) return;
    if (!isJudged(dashboard.id) || dashboard.subject) {
      document.title = `${headingOf(dashboard)} · tapewatch`;
      return;
    }
    const { status, wrong } = dashboardStatus(dashboard.id);
    document.title = `${SHAPES[status]} ${wrong ? `${wrong} wrong · ` : ""}${headingOf(dashboard)} · tapewatch`;
  });
  return (
    <div class={`app ${isNarrow.value ? "is-narrow" : ""} ${simulated.value ? "is-paper" : ""}`}>
      <a class="skip" href="#panels" onClick={skip}>
        Skip to the panels
      </a>
      <Rail />
      <div style={{ minWidth: 0 }}>
        <TopBar />
        <main id="panels" tabIndex={-1}>
          <DashboardPage />
          <Banners />
        </main>
      </div>
      <BottomBar />
      <Help />
      <Search />
    </div>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("panels")?.focus();
}

/** The title, and on the page of one thing its name. */
function headingOf(dashboard: Dashboard): string {
  // what several tags name stands in their fields, which are beside it
  const named = dashboard.within?.length ? [] : subjectsOf(dashboard).map((tag) => (view.value.vars[tag] ?? []).join(", "));
  return [dashboard.title, ...named].filter(Boolean).join(" ");
}

function TopBar(): JSX.Element {
  const dashboard = current.value;
  const isDark = theme.value === "dark";
  return (
    <header class="top">
      {simulated.value && (
        <strong class="paper" title="Simulated desk: nothing here is traded for real">
          paper
        </strong>
      )}
      <h1 title={dashboard?.sentence}>{dashboard ? headingOf(dashboard) : (view.value.dashboard ?? "tapewatch")}</h1>
      <div class="strip">
        {dashboard?.id !== EXPLORE && dashboard?.variables.map((name) => <Variable key={name} dashboard={dashboard} name={name} />)}
        <span class="gap" />
        <TimeBar />
      </div>
      <button type="button" onClick={() => (isSearchOpen.value = true)} aria-label="Search" title="Search (Ctrl K)">
        <svg class="lens" viewBox="0 0 12 12" aria-hidden="true">
          <path d="M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8M8 8l3.4 3.4" fill="none" stroke="currentColor" stroke-width="1.4" />
        </svg>
      </button>
      <button type="button" onClick={toggleTheme} aria-label={isDark ? "Light theme" : "Dark theme"} title={`${isDark ? "Light" : "Dark"} theme (d)`}>
        <span aria-hidden="true">◐</span>
      </button>
      <button type="button" class="keys" onClick={() => (isHelpOpen.value = true)} aria-label="Keys" title="Keys (?)">
        ?
      </button>
    </header>
  );
}
