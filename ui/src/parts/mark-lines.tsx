/** What is marked at the pointer, a line each. */

import type { JSX } from "preact";
import { view } from "../address";
import { beat } from "../clock";
import { type Mark, markText } from "../marks";
import { writing } from "../state";
import { SECOND_US, durationText, momentText } from "../time";

/** More are counted. */
export const MOST_MARKS = 4;

export function MarkLines({ marks }: { marks: readonly Mark[] }): JSX.Element {
  const how = writing();
  return (
    <>
      {marks.slice(0, MOST_MARKS).map((mark) => (
        <li key={mark.kind + mark.us + markText(mark, how)}>
          <span class="swatch">▾</span>
          <span class="why">
            {mark.title}, {markText(mark, how)} · {markTime(mark)}
          </span>
        </li>
      ))}
      {marks.length > MOST_MARKS && <li class="dim">and {marks.length - MOST_MARKS} more marks</li>}
    </>
  );
}

/** When it was seen, and how long before that it may have happened. */
function markTime(mark: Mark): string {
  const when = (us: number): string => momentText(us, view.value.zone, beat.peek());
  const seen = mark.us - mark.firstUs >= SECOND_US ? `${when(mark.firstUs)} – ${when(mark.us)}` : when(mark.us);
  return mark.withinUs ? `seen ${seen}, within ${durationText(mark.withinUs / SECOND_US)} before` : seen;
}
