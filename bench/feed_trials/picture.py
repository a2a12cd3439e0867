"""Draws the trials of silence as one SVG: how soon each was found, over the rate of its stream."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench.feed_trials.silences import Trial, bar_s
from bench.feed_trials.world import TIMEOUT_S

WIDTH, HEIGHT = 960, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 66, 48
RATES = (0.01, 1000.0)
SECONDS = (1.0, 1000.0)
COLOURS = {"cut": "#1f5fa8", "freeze": "#2a8a5b", "connection": "#c2571a"}
WORDS = {"cut": "stream cut", "freeze": "stream frozen", "connection": "whole connection silent"}
STEPS = 60


def picture(caption: str, trials: Sequence[Trial]) -> str:
    """The whole SVG; both axes are logarithmic."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="sans-serif" fill="#222">',
        f"<title>{escape(caption)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, caption, size=14),
        *_axes(),
        *_lines(),
    ]
    for number, (kind, words) in enumerate(WORDS.items()):
        x = LEFT + 4 + 200 * number
        parts += [f'<circle cx="{x}" cy="42" r="4" fill="{COLOURS[kind]}"/>', _text(x + 10, 46, words)]
    for trial in trials:
        if trial.found_s is not None:
            at = f'cx="{_x(trial.rate):.1f}" cy="{_y(trial.found_s):.1f}"'
            told = f"{trial.stream}: {trial.found_s:.1f} s"
            parts.append(f'<circle {at} r="3" fill="{COLOURS[trial.kind]}" fill-opacity="0.5"><title>{escape(told)}</title></circle>')
    return "\n".join([*parts, "</svg>", ""])


def _axes() -> list[str]:
    parts = [f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>']
    rates = (0.01, 0.1, 1, 10, 100, 1000)
    parts += [_text(_x(rate), HEIGHT - BOTTOM + 16, f"{rate:g}", anchor="middle", colour="#555") for rate in rates]
    for second in (1, 3, 10, 30, 100, 300, 1000):
        parts.append(f'<path d="M{LEFT} {_y(second):.1f}H{WIDTH - RIGHT}" stroke="#eee"/>')
        parts.append(_text(LEFT - 6, _y(second) + 4, f"{second} s", anchor="end", colour="#555"))
    return [
        *parts,
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "messages a second of the stream or connection", anchor="middle", colour="#555"),
    ]


def _lines() -> list[str]:
    """The time allowed to a stream without long silences of its own, and the timeout."""
    rates = [RATES[0] * (RATES[1] / RATES[0]) ** (step / STEPS) for step in range(STEPS + 1)]
    points = " ".join(f"{_x(rate):.1f},{_y(bar_s(rate, 0.0)):.1f}" for rate in rates)
    return [
        f'<polyline points="{points}" fill="none" stroke="#888" stroke-dasharray="5 4"/>',
        _text(_x(200), _y(bar_s(200, 0.0)) - 6, "allowed", colour="#666"),
        f'<path d="M{LEFT} {_y(TIMEOUT_S):.1f}H{WIDTH - RIGHT}" stroke="#b00020" stroke-dasharray="2 4"/>',
        _text(_x(200), _y(TIMEOUT_S) - 6, "a timeout of 30 s", colour="#b00020"),
    ]


def _x(rate: float) -> float:
    return _place(rate, RATES, LEFT, WIDTH - RIGHT)


def _y(seconds: float) -> float:
    return _place(seconds, SECONDS, HEIGHT - BOTTOM, TOP)


def _place(value: float, between: tuple[float, float], start: float, end: float) -> float:
    least, most = between
    share = math.log(min(max(value, least), most) / least) / math.log(most / least)
    return start + share * (end - start)


def _text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
