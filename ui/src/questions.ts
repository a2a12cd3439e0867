/** A page is read from the top: questions of a trader, each above the panels that answer it. */

import type { Dashboard, Panel, Question } from "./wire";

export interface Section {
  /** Null for panels that answer no question of their page. */
  question: Question | null;
  panels: Panel[];
}

/** The sections of a page in reading order; a panel that no question names is at the end, never lost. */
export function sectionsOf(dashboard: Pick<Dashboard, "panels" | "questions">): Section[] {
  const questions = dashboard.questions ?? [];
  const sections = questions.map((question): Section => ({ question, panels: dashboard.panels.filter((panel) => question.answered_by.includes(panel.id)) }));
  const asked = new Set(questions.flatMap((question) => question.answered_by));
  const rest = dashboard.panels.filter((panel) => !asked.has(panel.id));
  return [...sections, { question: null, panels: rest }].filter((section) => section.panels.length > 0);
}
