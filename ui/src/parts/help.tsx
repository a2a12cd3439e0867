/** All keys. */

import type { JSX } from "preact";
import { KEYS, isHelpOpen, lettersOf, pagesOf } from "../keys";
import { dashboards } from "../state";
import { useModal } from "./modal";

export function Help(): JSX.Element {
  const { ref, onClose } = useModal(isHelpOpen);
  const all = dashboards.value ?? [];
  return (
    <dialog ref={ref} aria-labelledby="help-title" onClose={onClose}>
      {isHelpOpen.value && (
        <>
          <h2 id="help-title">Keys</h2>
          <dl class="facts">
            {KEYS.map(({ keys, what }) => (
              <>
                <dt>
                  {keys.map((key) => (
                    <kbd>{key}</kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </>
            ))}
            {[...lettersOf(pagesOf(all))].map(([letter, id]) => (
              <>
                <dt>
                  <kbd>g</kbd> <kbd>{letter}</kbd>
                </dt>
                <dd>{pagesOf(all).find((one) => one.id === id)?.title}</dd>
              </>
            ))}
            <dt>Drag</dt>
            <dd>In a chart: zoom all panels; double click returns; with Shift: move through time</dd>
            <dt>Ctrl wheel</dt>
            <dd>In a chart: zoom at the pointer</dd>
            <dt>Click</dt>
            <dd>In a chart: the rows behind the point</dd>
          </dl>
          <button type="button" class="outlined" onClick={() => (isHelpOpen.value = false)}>
            Close
          </button>
        </>
      )}
    </dialog>
  );
}
