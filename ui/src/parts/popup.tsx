/** A button with something that opens below it; Esc and a click elsewhere close it (the browser's popover does that). */

import type { ComponentChildren, JSX } from "preact";
import { useId, useRef, useState } from "preact/hooks";

interface Props {
  /** What it is, in words: the tooltip, and spoken after the button's own text. */
  label: string;
  button: ComponentChildren;
  className?: string;
  /** Sets `data-key`, by which the keyboard opens it. */
  shortcut?: string;
  role?: "dialog" | "menu";
  children: (close: () => void) => ComponentChildren;
}

/** Below the button, inside the window. */
function place(box: HTMLElement, anchor: DOMRect): void {
  const { offsetWidth, offsetHeight } = box;
  const left = Math.max(8, Math.min(anchor.left, innerWidth - offsetWidth - 8));
  const below = anchor.bottom + 4;
  const top = below + offsetHeight <= innerHeight - 8 ? below : Math.max(8, Math.min(anchor.top - offsetHeight - 4, innerHeight - offsetHeight - 8));
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

export function Popup({ label, button, className = "", shortcut, role = "dialog", children }: Props): JSX.Element {
  const id = useId();
  const anchor = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = (): void => box.current?.hidePopover();
  const toggled = (event: Event): void => {
    const opened = (event as ToggleEvent).newState === "open";
    setOpen(opened);
    if (!opened) return;
    requestAnimationFrame(() => {
      if (!box.current || !anchor.current) return;
      place(box.current, anchor.current.getBoundingClientRect());
      box.current.querySelector<HTMLElement>("button, input, a, [tabindex]")?.focus();
    });
  };
  return (
    <>
      <button type="button" ref={anchor} class={className} popovertarget={id} aria-haspopup={role === "menu" ? "menu" : "dialog"} aria-expanded={isOpen} title={label} data-key={shortcut}>
        {button}
        <span class="sr">, {label}</span>
      </button>
      <div id={id} ref={box} popover="auto" role={role} aria-label={label} onToggle={toggled}>
        {isOpen && children(close)}
      </div>
    </>
  );
}
