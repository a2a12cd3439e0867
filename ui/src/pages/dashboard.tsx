/** One dashboard: its panels on a grid of 24 columns, or one of them on the whole page. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { go, view } from "../address";
import { CONNECT } from "../connect";
import { EXPLORE } from "../explore";
import { useMarks } from "../marks";
import { PanelPlace, PanelView } from "../panels/panel";
import { ConnectPage } from "./connect";
import { ExplorePage } from "./explore";
import { sectionsOf } from "../questions";
import { current, dashboards, loadError } from "../state";
import type { Dashboard, Question } from "../wire";

export function DashboardPage(): JSX.Element {
  const dashboard = current.value;
  return (
    <>
      <Content dashboard={dashboard} />
      {dashboard && <Marks page={dashboard} />}
    </>
  );
}

/** Shows nothing itself: charts draw what it follows. */
function Marks({ page }: { page: Dashboard }): null {
  useMarks(page);
  return null;
}

function Content({ dashboard }: { dashboard: Dashboard | null }): JSX.Element {
  if (view.value.dashboard === EXPLORE && !view.value.full) return <ExplorePage />;
  if (view.value.dashboard === CONNECT) return <ConnectPage />;
  if (!dashboard) return <NoDashboard />;
  const full = dashboard.panels.find((panel) => panel.id === view.value.full);
  if (full) {
    return (
      <div class="full">
        <PanelView key={`${dashboard.id}/${full.id}/full`} dashboard={dashboard} panel={full} />
      </div>
    );
  }
  return <Panels key={dashboard.id} dashboard={dashboard} />;
}

/** Panels made in one step: a page that opens draws its first ones at once and none of its steps takes long. */
const PER_STEP = 2;

function Panels({ dashboard }: { dashboard: Dashboard }): JSX.Element {
  const [made, setMade] = useState(PER_STEP);
  const isDone = made >= dashboard.panels.length;
  useEffect(() => {
    if (isDone) return undefined;
    const timer = setTimeout(() => setMade(made + PER_STEP));
    return () => clearTimeout(timer);
  }, [made, isDone]);
  const sections = sectionsOf(dashboard);
  const order = new Map(sections.flatMap((section) => section.panels).map((panel, i) => [panel.id, i]));
  return (
    <>
      {sections.map(({ question, panels }) => (
        <section key={question?.text ?? ""} class="asked" data-stage={question?.stage} aria-label={question?.text}>
          {question && (
            <h2 class="question">
              <span class="stage">{STAGES[question.stage]}</span> {question.text}
            </h2>
          )}
          <div class="grid">
            {panels.map((panel) =>
              (order.get(panel.id) ?? 0) < made ? <PanelView key={panel.id} dashboard={dashboard} panel={panel} /> : <PanelPlace key={panel.id} dashboard={dashboard} panel={panel} />,
            )}
          </div>
        </section>
      ))}
    </>
  );
}

/** What each step of the reading is called above its panels. */
const STAGES: Record<Question["stage"], string> = { verdict: "Now", change: "Change", worst: "Worst" };

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
