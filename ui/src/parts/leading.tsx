/** A link to another view of this page; with Ctrl it opens beside this one. */

import type { ComponentChildren, JSX } from "preact";
import { type View, go, linkTo } from "../address";

export function Leading({ change, children }: { change: Partial<View>; children: ComponentChildren }): JSX.Element {
  const open = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(change);
    scrollTo(0, 0);
  };
  return (
    <a class="leading" href={linkTo(change)} onClick={open}>
      {children}
    </a>
  );
}
