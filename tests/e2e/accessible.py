"""What axe-core finds on a page, and what the keyboard reaches."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.sizes import ROOT

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_source(path: Path = AXE) -> str:
    """The script of axe-core; without the page's packages the test fails in CI and is skipped, with the reason, elsewhere."""
    if path.is_file():
        return path.read_text(encoding="utf-8")
    reason = f"axe-core is not there: `npm --prefix ui ci` puts it into {path.parent}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


async def findings(page: Page) -> list[str]:
    """Each violation as one line: rule, what it says, and the first places."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe_source())
    found = await page.evaluate(
        "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] }).then((one) => one.violations)", RULES
    )
    return [f"{one['id']}: {one['help']}: " + "; ".join(node["html"][:160] for node in one["nodes"][:3]) for one in found]


FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const box = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    return {
        name: one.getAttribute('aria-label') || one.textContent.trim().slice(0, 60) || one.tagName,
        panel: one.closest('[data-panel]')?.dataset.panel ?? null,
        isSeen: box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth,
        hasOutline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1,
    };
}"""


async def walk(page: Page, most: int = 400) -> list[dict[str, object]]:
    """Press Tab from the beginning of the page until focus leaves it: what had focus, in order."""
    await page.evaluate("document.activeElement?.blur(); getSelection()?.removeAllRanges()")
    seen: list[dict[str, object]] = []
    for _ in range(most):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        if focused is None:
            return seen
        seen.append(focused)
    raise AssertionError(f"focus never left the page; it was last on {seen[-1]}")
