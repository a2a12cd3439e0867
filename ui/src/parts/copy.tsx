/** A button that copies a text and says so. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

export function CopyButton({ text, label }: { text: string; label: string }): JSX.Element {
  const [said, say] = useState("");
  const copy = async (): Promise<void> => {
    say((await toClipboard(text)) ? "Copied" : "Select the text and copy it");
    setTimeout(() => say(""), 2000);
  };
  return (
    <button type="button" class="outlined" onClick={() => void copy()} data-copy={text}>
      <span aria-live="polite">{said || label}</span>
    </button>
  );
}

/** The clipboard interface needs a secure page; a tapewatch on another host over plain HTTP is not one, so a selection is the second way. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    (document.querySelector(":popover-open") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
