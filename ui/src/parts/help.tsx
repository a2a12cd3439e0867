/** All keys. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { KEYS, isHelpOpen, lettersOf } from "../keys";
import { dashboards } from "../state";

export function Help(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen && dialog.current?.open) dialog.current.close();
  }, [isOpen]);
  const all = dashboards.value ?? [];
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      {isOpen && (
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
            {[...lettersOf(all)].map(([letter, id]) => (
              <>
                <dt>
                  <kbd>g</kbd> <kbd>{letter}</kbd>
                </dt>
                <dd>{all.find((one) => one.id === id)?.title}</dd>
              </>
            ))}
            <dt>Drag</dt>
            <dd>In a chart: zoom all panels; double click returns</dd>
          </dl>
          <button type="button" class="outlined" onClick={() => (isHelpOpen.value = false)}>
            Close
          </button>
        </>
      )}
    </dialog>
  );
}
