"""Trials of late messages on the desk's simulated venues: a backlog that decays, and a venue's clock that goes wrong.

The recordings are shorter than what tells the two apart: a clock is believed to be wrong when the shift has stayed for half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.feed_trials.simulated import simulate, wall_us
from tapewatch.desk.faults import Delay, Fault, Skew
from tapewatch.desk.venues import VENUES

KINDS = ("delay", "skew")
SETTLED_S, SPREAD_S, WATCHED_S = 40.0, 10.0, 80.0
PEAK_S, DECAY_S = (1.0, 4.0), 16.0
OFFSET_MS = (120, 300)
SHIFTED_SHARE = 0.5
"""A skew is found when the offset has moved by half of it."""


@dataclass(frozen=True)
class DelayTrial:
    """One fault and what was made of it.

    Attributes:
        kind: What was done.
        venue: Where.
        found_s: Seconds until the rows said so; None for never.
        is_mistaken: Whether the rows said the other thing.
    """

    kind: str
    venue: str
    found_s: float | None
    is_mistaken: bool


def try_delays(numbers: Sequence[int], seed: int) -> list[DelayTrial]:
    """Delay or skew: in turn by the numbers of the trials, the moment and the size at random."""
    return [_try(number, np.random.default_rng((seed, number))) for number in numbers]


def _try(number: int, random: np.random.Generator) -> DelayTrial:
    kind = KINDS[number % len(KINDS)]
    venue = VENUES[number // len(KINDS) % len(VENUES)][0].name
    at_s = SETTLED_S + float(random.uniform(0, SPREAD_S))
    size_ms = int(random.integers(*OFFSET_MS))
    fault: Fault = (
        Delay(at_s, venue, peak_s=float(random.uniform(*PEAK_S)), for_s=DECAY_S)
        if kind == "delay"
        else Skew(at_s, venue, offset_ms=-size_ms, for_s=WATCHED_S)
    )
    before_ms = 0.0
    backlog_s, shift_s = None, None
    for passed_s, row in _rows(venue, at_s, fault, seed=number):
        offset_ms = row.get("clock_offset_ms")
        if passed_s <= 0:
            before_ms = before_ms if offset_ms is None else offset_ms
        elif (row["backlog_ms"] or 0) > 0:
            backlog_s = passed_s if backlog_s is None else backlog_s
        elif shift_s is None and offset_ms is not None and abs(offset_ms - before_ms) >= SHIFTED_SHARE * size_ms:
            shift_s = passed_s
    found_s, other_s = (backlog_s, shift_s) if kind == "delay" else (shift_s, backlog_s)
    return DelayTrial(kind, venue, found_s, other_s is not None)


def _rows(venue: str, at_s: float, fault: Fault, *, seed: int) -> list[tuple[float, dict[str, float]]]:
    """Rows with the seconds since the fault."""
    rows: list[tuple[float, dict[str, float]]] = []
    due_s = 1.0
    for measure, now_s, said in simulate(venue, round(SETTLED_S + SPREAD_S + WATCHED_S), fault, seed=seed):
        for message in said:
            measure.links[0].observe(message, wall_us(now_s), now_s)
        if now_s >= due_s:
            due_s += 1.0
            rows += [(now_s - at_s, row) for row in measure.tick(wall_us(now_s), now_s)]
    return rows
