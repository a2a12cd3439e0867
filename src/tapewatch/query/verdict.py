"""The only place that judges: value, age and expectation become a status and a reason. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapewatch.clock import US_PER_S
from tapewatch.model.rows import Floats
from tapewatch.model.table import Column, FlagRule, Kind, Status, Thresholds
from tapewatch.model.unit import UNIT_BY_NAME, Scale

STALE_AFTER_PERIODS = 2
"""A polled series is stale when its newest row is older than this many of its periods."""
STALE_FLOOR_US = 2 * US_PER_S
"""No series is called stale within this time, however short its period: delivery itself takes a moment."""
SILENT_AFTER_PERIODS = 10
SILENT_FLOOR_US = 60 * US_PER_S
"""Silent for both is down: a daemon without a row for 60 s is critical by default."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement: the status and why, as a sentence without a full stop.

    ``about`` names the number that is past its line; empty when it is the series itself: its age, a flag, a state.
    """

    status: Status
    reason: str
    about: str = ""


FINE = Finding(Status.UP, "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one series.

    Attributes:
        table: Table of the series.
        key: Tag to value, without ``source``.
        sources: Who reports it.
        status: Worst of all findings.
        reason: Why, as a sentence; empty when up.
        since_us: When the worst finding began, as far as known.
        newest_us: ``ts`` of its newest row.
        expected_us: Expected spacing of its rows; None while unknown.
        is_stale: Whether its newest row is too old to be believed.
        about: The number that is past its line, when that is the worst finding; empty when it is the series itself.
    """

    table: str
    key: dict[str, str]
    sources: tuple[str, ...]
    status: Status
    reason: str
    since_us: int | None
    newest_us: int | None
    expected_us: int | None
    is_stale: bool
    about: str = ""


def judge_number(value: float | None, thresholds: Thresholds | None, column: Column | None = None, held_us: int | None = None) -> Finding:
    """Compare a number with its thresholds; a missing number is not judged, nor one that has not been past its line long enough.

    Args:
        value: The number.
        thresholds: Its lines; None: it is not judged.
        column: For the words of the reason.
        held_us: How long it has been past a line, in microseconds; None when that is not known: then ``hold_s`` is not asked.
    """
    if value is None or math.isnan(value) or thresholds is None:
        return FINE
    if held_us is not None and held_us < thresholds.hold_s * US_PER_S:
        return FINE
    name = column.name if column else "value"
    for status, limit in ((Status.DOWN, thresholds.down), (Status.DEGRADED, thresholds.degraded)):
        if limit is not None and (value >= limit if thresholds.above else value <= limit):
            side = "at or above" if thresholds.above else "at or below"
            unit = column.unit if column else "none"
            return Finding(status, f"{name} {written(value, unit)} is {side} {written(limit, unit)}", about=column.name if column else "")
    return FINE


def is_suspect(value: float | bool | str | None, column: Column) -> bool:  # noqa: FBT001 - the value judged may be a flag
    """Whether a value may be called something else than up, if it has been so for long enough."""
    match column.kind:
        case Kind.FLAG:
            return isinstance(value, bool) and column.flag_rule is not None and value is column.flag_rule.bad
        case Kind.STATE:
            return isinstance(value, str) and judge_state(value, column) is not FINE
        case _:
            return isinstance(value, float) and judge_number(value, column.thresholds) is not FINE


def is_past(values: Floats, thresholds: Thresholds | None) -> npt.NDArray[np.bool_]:
    """Which numbers (n,) are at or past the first of their lines: those that `judge_number` may call something else than up."""
    limits = [] if thresholds is None else [limit for limit in (thresholds.degraded, thresholds.down) if limit is not None]
    if thresholds is None or not limits:
        return np.zeros(len(values), np.bool_)
    return values >= min(limits) if thresholds.above else values <= max(limits)


def judge_flag(value: bool | None, rule: FlagRule | None, held_us: int | None, column: Column) -> Finding:  # noqa: FBT001 - the value judged is a flag
    """Judge a yes-or-no value by its rule and by how long it has held, in microseconds (None: not known)."""
    if value is None or rule is None or value is not rule.bad:
        return FINE
    *before, last = column.name.split("_")
    words = " ".join([*before, last if value else f"not {last}"])
    is_down = rule.down_after_s is not None and held_us is not None and held_us >= rule.down_after_s * US_PER_S
    return Finding(Status.DOWN if is_down else Status.DEGRADED, words)


def judge_state(word: str | None, column: Column) -> Finding:
    """Translate a state word into the status it means; an unlisted word is unknown."""
    if word is None:
        return FINE
    for state in column.states:
        if state.name == word:
            return Finding(state.status, f"{column.name} is {word}") if state.status is not Status.UP else FINE
    return Finding(Status.UNKNOWN, f"{column.name} is {word}, which is not a listed state")


def judge_age(age_us: int | None, expected_us: int | None) -> Finding:
    """Judge how old the newest row of a series is against the expected spacing of its rows."""
    if age_us is None:
        return Finding(Status.UNKNOWN, "nothing has arrived yet")
    if expected_us is None:
        if age_us > SILENT_FLOOR_US:
            return Finding(Status.UNKNOWN, f"last row {duration(age_us)} ago, and its spacing is not known yet")
        return FINE
    if not is_stale(age_us, expected_us):
        return FINE
    reason = f"last row {duration(age_us)} ago, expected every {duration(expected_us)}"
    if age_us > max(SILENT_AFTER_PERIODS * expected_us, SILENT_FLOOR_US):
        return Finding(Status.DOWN, f"silent: {reason}")
    return Finding(Status.DEGRADED, f"stale: {reason}")


def is_stale(age_us: int, expected_us: int | None) -> bool:
    """Whether a row of this age is older than two of its series' periods."""
    return expected_us is not None and age_us > max(STALE_AFTER_PERIODS * expected_us, STALE_FLOOR_US)


def written(value: float, unit: str) -> str:
    """Write a number with its unit as people read it in a sentence."""
    found = UNIT_BY_NAME[unit]
    if found.scale is Scale.RATIO:
        return f"{value * 100:.1f} %"
    if found.scale is Scale.BYTES:
        for factor, suffix in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if value >= factor:
                return f"{value / factor:.1f} {suffix}"
    if found.scale is Scale.COUNT:
        return f"{value:g}"
    if found.name == "s":
        return duration(int(value * US_PER_S))
    return f"{value:.{min(found.decimals, 2)}f} {found.suffix}".strip()


_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def duration(us: int) -> str:
    """Write a duration as 850 ms, 12 s, 1 min 12 s, 3 h 5 min or 2 d 4 h."""
    if us < US_PER_S:
        return f"{us // 1000} ms"
    seconds = us // US_PER_S
    for size, suffix, smaller, smaller_suffix in _STEPS:
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {suffix} {rest} {smaller_suffix}" if rest else f"{seconds // size} {suffix}"
    return f"{seconds} s"
