"""Draws samples as one SVG: a strip for each number, all over the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.samples import JUDGED, PER_H, WARM_SHARE, Sample, growth_per_h, unit

WIDTH, LEFT, RIGHT, TOP = 960, 70, 20, 64
STRIP, GAP = 84, 40
COLOURS = ("#1f5fa8", "#c2571a")
_MINUTES = (1, 2, 5, 10, 20, 30, 60)
_TICKS = 13


@dataclass(frozen=True)
class Strip:
    """One strip: its title and the numbers of a sample that it draws."""

    title: str
    names: tuple[str, ...]


STRIPS = (
    Strip("memory of the server, MB", ("rss_mb",)),
    Strip("open file descriptors, threads", ("files", "threads")),
    Strip("a post until it is acknowledged, ms: p50, p99", ("ack_p50_ms", "ack_p99_ms")),
    Strip("a question until it is answered, ms: p50, slowest of ten", ("question_p50_ms", "question_p99_ms")),
    Strip("accepted to pushed, ms: p99 of a minute", ("push_p99_ms",)),
    Strip("CPU of the server process, cores", ("cpu_cores",)),
    Strip("on disk, MB (not meant to be flat)", ("disk_mb",)),
    Strip("busy cores of the machine, with everything else that ran on it", ("machine_cores",)),
)


def picture(caption: str, samples: Sequence[Sample]) -> str:
    """The whole SVG; the warm-up that is not judged has a grey ground."""
    height = TOP + len(STRIPS) * (STRIP + GAP) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img" font-family="sans-serif" fill="#222">',
        f"<title>{escape(caption)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LEFT, 24, caption, size=14),
        _text(LEFT, 44, "Grey: warm-up, not judged. Growth an hour after it, as a share of the median, in brackets.", colour="#555"),
    ]
    for number, strip in enumerate(STRIPS):
        parts += _strip(strip, samples, TOP + number * (STRIP + GAP) + 20)
    return "\n".join([*parts, "</svg>", ""])


def _strip(strip: Strip, samples: Sequence[Sample], top: float) -> list[str]:
    across, end_s = WIDTH - LEFT - RIGHT, max(samples[-1].t_s, 1.0)
    values = {name: [(sample.t_s, value) for sample in samples if (value := float(getattr(sample, name))) == value] for name in strip.names}
    most = max((value for seen in values.values() for _, value in seen), default=0.0) * 1.05 or 1.0
    bottom = top + STRIP
    growths = [f"{100 * growth_per_h(samples, name)[1]:+.1f} %" for name in strip.names if name in JUDGED]
    parts = [
        f'<rect x="{LEFT}" y="{top}" width="{across * WARM_SHARE:.1f}" height="{STRIP}" fill="#eee"/>',
        f'<path d="M{LEFT} {top}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>',
        _text(LEFT, top - 6, strip.title + (f" ({', '.join(growths)})" if growths else "")),
        _text(LEFT - 6, top + 10, f"{most:.3g}", anchor="end"),
        _text(LEFT - 6, bottom, "0", anchor="end"),
    ]
    step_s = next((60 * minutes for minutes in _MINUTES if end_s <= 60 * minutes * _TICKS), 3_600)
    for at_s in range(step_s, int(end_s) + 1, step_s):
        x = LEFT + across * at_s / end_s
        words = f"{at_s / PER_H:g} h" if at_s % 3_600 == 0 else f"{at_s // 60} min"
        parts += [f'<path d="M{x:.1f} {bottom}v4" stroke="#888"/>', _text(x, bottom + 15, words, anchor="middle", colour="#555")]
    for name, colour in zip(strip.names, COLOURS, strict=False):
        points = " ".join(f"{LEFT + across * at_s / end_s:.1f},{bottom - STRIP * value / most:.1f}" for at_s, value in values[name])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1"><title>{unit(name)}</title></polyline>')
    return parts


def _text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
