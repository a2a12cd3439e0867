/** One dashboard: its panels on a grid of 24 columns, or one of them on the whole page. */

import type { JSX } from "preact";
import { go, view } from "../address";
import { PanelView } from "../panels/panel";
import { current, dashboards, loadError } from "../state";

export function DashboardPage(): JSX.Element {
  const dashboard = current.value;
  if (!dashboard) return <NoDashboard />;
  const full = dashboard.panels.find((panel) => panel.id === view.value.full);
  if (full) {
    return (
      <div class="full">
        <PanelView key={`${dashboard.id}/${full.id}/full`} dashboard={dashboard} panel={full} />
      </div>
    );
  }
  return (
    <div class="grid">
      {dashboard.panels.map((panel) => (
        <PanelView key={`${dashboard.id}/${panel.id}`} dashboard={dashboard} panel={panel} />
      ))}
    </div>
  );
}

function NoDashboard(): JSX.Element {
  const all = dashboards.value;
  if (!all) return <p class="dim">{loadError.value ?? ""}</p>;
  return (
    <div class="note">
      <strong>{view.value.dashboard ? `There is no dashboard “${view.value.dashboard}”.` : "There are no dashboards."}</strong>
      {all[0] && (
        <span>
          <button type="button" class="outlined" onClick={() => go({ dashboard: all[0]?.id ?? null, full: null })}>
            Open {all[0].title}
          </button>
        </span>
      )}
    </div>
  );
}
