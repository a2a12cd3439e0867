"""Compares two pictures by the mean colours of small squares, in the browser that took them: no library of pictures is needed.

Why squares and not pixels: another version of the font rasteriser moves the edges of letters by parts of a pixel. That changes many pixels
a lot and the mean of a square of letters little; a panel, a colour or a word that is not there changes the mean of its squares a lot.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from playwright.async_api import Page

SQUARE = 8
"""Pixels along the edge of a square."""
FAR = 32
"""Least distance of two means, of 255, in any of the three colours, from which a square counts as different. Another hinting and subpixels
of letters were seen to move means by at most 3; that leaves room for another version of the font and its rasteriser, and `test_looks.py`
shows that another word, colour or background is beyond it."""
ALLOWED = 0.002
"""Share of squares that may differ: about forty of a window of 1440 × 900, which is one short word in another place, and less than the
smallest panel's title."""

_COMPARE = """async ([before, after, square, far]) => {
    const pixels = async (data) => {
        const image = new Image();
        image.src = 'data:image/png;base64,' + data;
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context.drawImage(image, 0, 0);
        return { canvas, context, data: context.getImageData(0, 0, image.width, image.height).data };
    };
    const [a, b] = [await pixels(before), await pixels(after)];
    const { width, height } = a.canvas;
    if (b.canvas.width !== width || b.canvas.height !== height) return { size: [width, height, b.canvas.width, b.canvas.height] };
    const mean = (data, left, top) => {
        const sum = [0, 0, 0];
        let count = 0;
        for (let y = top; y < Math.min(top + square, height); y++)
            for (let x = left; x < Math.min(left + square, width); x++, count++)
                for (let c = 0; c < 3; c++) sum[c] += data[4 * (y * width + x) + c];
        return sum.map((one) => one / count);
    };
    const differ = [];
    let all = 0, furthest = 0;
    for (let top = 0; top < height; top += square)
        for (let left = 0; left < width; left += square, all++) {
            const [one, other] = [mean(a.data, left, top), mean(b.data, left, top)];
            const apart = Math.max(...one.map((value, c) => Math.abs(value - other[c])));
            if (apart >= far) differ.push([left, top]);
            furthest = Math.max(furthest, apart);
        }
    if (!differ.length) return { all, differ: 0, furthest, picture: null, box: null };
    const shown = Object.assign(document.createElement('canvas'), { width: 3 * width, height });
    const draw = shown.getContext('2d');
    for (const [i, one] of [a, b, b].entries()) draw.drawImage(one.canvas, i * width, 0);
    draw.fillStyle = 'rgb(255 0 255 / 0.5)';
    for (const [left, top] of differ) draw.fillRect(2 * width + left, top, square, square);
    const xs = differ.map((one) => one[0]), ys = differ.map((one) => one[1]);
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + square, Math.max(...ys) + square];
    return { all, differ: differ.length, furthest, picture: shown.toDataURL('image/png').split(',')[1], box };
}"""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two pictures of the same size are apart.

    Attributes:
        squares: Squares of the picture.
        differ: Squares whose means are at least `FAR` apart.
        furthest: Largest distance of two means.
        box: Left, top, right and bottom of what differs; None when nothing does.
        picture: Expected, got, and got with what differs marked, side by side, as PNG; None when nothing differs.
    """

    squares: int
    differ: int
    furthest: float
    box: tuple[int, int, int, int] | None
    picture: bytes | None

    @property
    def is_much(self) -> bool:
        return self.differ > ALLOWED * self.squares

    def told(self) -> str:
        """In words, for the failure."""
        may = round(ALLOWED * self.squares)
        return f"{self.differ} of {self.squares} squares differ, {may} may; between {self.box}, by up to {self.furthest:.0f}"


async def compared(page: Page, expected: bytes, got: bytes) -> Difference:
    """Compare two PNG files on a page; fails when their sizes differ."""
    both = [base64.b64encode(picture).decode() for picture in (expected, got)]
    found = await page.evaluate(_COMPARE, [*both, SQUARE, FAR])
    if "size" in found:
        raise AssertionError("the sizes differ: expected {}×{}, got {}×{}".format(*found["size"]))
    picture = base64.b64decode(found["picture"]) if found["picture"] else None
    return Difference(found["all"], found["differ"], found["furthest"], tuple(found["box"]) if found["box"] else None, picture)
