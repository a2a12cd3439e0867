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
import { TimeBar } from "./parts/time-range";
import { Variable } from "./parts/variable";
import { current, dashboardStatus } from "./state";
import { SHAPES } from "./status";
import { theme, toggleTheme } from "./theme";

export function App(): JSX.Element {
  useSignalEffect(() => {
    const dashboard = current.value;
    if (!dashboard) return;
    const { status, wrong } = dashboardStatus(dashboard.id);
    document.title = `${SHAPES[status]} ${wrong ? `${wrong} wrong · ` : ""}${dashboard.title} · tapewatch`;
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
    </div>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("panels")?.focus();
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
      <h1 title={dashboard?.sentence}>{dashboard?.title ?? view.value.dashboard ?? "tapewatch"}</h1>
      {dashboard?.variables.map((name) => <Variable key={name} dashboard={dashboard} name={name} />)}
      <span class="gap" />
      <TimeBar />
      <button type="button" onClick={toggleTheme} aria-label={isDark ? "Light theme" : "Dark theme"} title={`${isDark ? "Light" : "Dark"} theme (d)`}>
        <span aria-hidden="true">◐</span>
      </button>
      <button type="button" class="keys" onClick={() => (isHelpOpen.value = true)} aria-label="Keys" title="Keys (?)">
        ?
      </button>
    </header>
  );
}
