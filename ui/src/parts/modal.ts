/** A dialog that a signal opens and closes, also when it closes and opens again within one moment. */

import type { Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Modal {
  ref: { current: HTMLDialogElement | null };
  /** For the event `close`, which comes a moment after: only a closing by the browser (Esc) is news. */
  onClose(): void;
}

export function useModal(isOpen: Signal<boolean>): Modal {
  const ref = useRef<HTMLDialogElement>(null);
  const ours = useRef(0);
  const wanted = isOpen.value;
  // before the next key is handled: who types at once after opening means the dialog
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (wanted && !dialog?.open) dialog?.showModal();
    if (!wanted && dialog?.open) {
      ours.current += 1;
      dialog.close();
    }
  }, [wanted]);
  const onClose = (): void => {
    if (ours.current > 0) ours.current -= 1;
    else isOpen.value = false;
  };
  return { ref, onClose };
}
