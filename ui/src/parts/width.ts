/** The width of an element, known before the first paint and followed after it. */

import { useLayoutEffect, useState } from "preact/hooks";

/** CSS pixels; a middling width until the element is there. */
export function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return undefined;
    setWidth(box.clientWidth);
    const sizes = new ResizeObserver(() => setWidth(box.clientWidth));
    sizes.observe(box);
    return () => sizes.disconnect();
  }, []);
  return width;
}
