"""Times of one column, and the time of a row."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import NoneType

import numpy as np
import numpy.typing as npt

from tapewatch.ingest.validate.cells import Cells
from tapewatch.model.rows import END_US, FIRST_US, NULL_TIME, Times

FUTURE_US = 5 * 60 * 1_000_000
"""How far ahead of the server's clock a row may be before its own time is not believed."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIZES = ((10**11, "seconds", "multiply by 1,000,000"), (FIRST_US, "milliseconds", "multiply by 1,000"))
_ALLOWED = "integer microseconds since 1970, or text as 2026-01-02T03:04:05.678Z"


def times(cells: Cells) -> Times:
    """Int64 (n,) microseconds since 1970, `NULL_TIME` = null."""
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return _in_range(cells, values.astype("datetime64[us]").astype(np.int64))
    if isinstance(values, np.ndarray) and values.dtype.kind == "i":
        return _in_range(cells, values.astype(np.int64))
    items = cells.items()
    if set(map(type, items)) <= {int, NoneType}:
        try:
            return _in_range(cells, np.array([NULL_TIME if value is None else value for value in items], np.int64))
        except OverflowError:
            pass  # an integer beyond 64 bits: found one by one
    return _one_by_one(cells)


def _in_range(cells: Cells, array: Times) -> Times:
    wrong = ((array < FIRST_US) | (array >= END_US)) & (array != NULL_TIME)
    if wrong.any():
        at = np.flatnonzero(wrong)
        cells.refuse(at, "time_unit", lambda value: _unit_hint(cells, value))
        array = array.copy()
        array[at] = NULL_TIME
    return array


def _unit_hint(cells: Cells, value: object) -> str:
    name = cells.column.name
    if not isinstance(value, int | float):
        return f"{name} is outside of the years 1973 to 5138."
    size = abs(value)
    for end, unit, change in _SIZES:
        if size < end:
            return f"{name} takes {_ALLOWED}; this has the size of {unit}: {change}."
    return f"{name} takes {_ALLOWED}; this has the size of nanoseconds: divide by 1,000."


def _one_by_one(cells: Cells) -> Times:
    array = np.full(len(cells), NULL_TIME, np.int64)
    found: dict[str, list[int]] = {"wrong_type": [], "time_unit": [], "naive_time": []}
    for i, value in cells.each():
        time_us = _microseconds(value)
        if isinstance(time_us, str):
            found[time_us].append(i)
        else:
            array[i] = time_us
    name = cells.column.name
    cells.refuse(found["wrong_type"], "wrong_type", lambda _: f"{name} takes {_ALLOWED}.")
    cells.refuse(found["time_unit"], "time_unit", lambda value: _unit_hint(cells, value))
    cells.refuse(found["naive_time"], "naive_time", lambda _: f"{name} has no offset from UTC; write Z or +02:00 behind it.")
    return array


def _microseconds(value: object) -> int | str:
    """The time, or the reason why it is none."""
    if isinstance(value, bool):
        return "wrong_type"
    if isinstance(value, int):
        return value if FIRST_US <= value < END_US else "time_unit"
    if isinstance(value, float):
        return "wrong_type" if math.isnan(value) or FIRST_US <= abs(value) < END_US else "time_unit"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return "wrong_type"
    return _from_datetime(value) if isinstance(value, datetime) else "wrong_type"


def _from_datetime(moment: datetime) -> int | str:
    if moment.utcoffset() is None:
        return "naive_time"
    time_us = (moment - _EPOCH) // _MICROSECOND
    return time_us if FIRST_US <= time_us < END_US else "time_unit"


def place_rows(own: Times, now_us: int, series_of: Callable[[], npt.NDArray[np.int64]]) -> tuple[Times, npt.NDArray[np.bool_]]:
    """The time of each row, and which rows lost their own because it lay in the future.

    Rows without a believable time happened when they were received. Those of one series stand one microsecond apart, in their order and
    the last at ``now_us``, because a later row of the same series and time would replace an earlier one.

    Args:
        own: Times as sent, int64 (n,), `NULL_TIME` = none.
        now_us: Time of receipt.
        series_of: Gives a number per row (n,), equal for rows of one series; called only when rows have to be placed.
    """
    future = own > now_us + FUTURE_US
    placed = np.flatnonzero(future | (own == NULL_TIME))
    if not len(placed):
        return own, future
    times_us = own.copy()
    times_us[placed] = now_us
    if len(placed) > 1:
        series = series_of()
        order = placed[np.argsort(series[placed], kind="stable")]
        groups = series[order]
        starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
        sizes = np.diff(np.append(starts, len(order)))
        rank = np.arange(len(order)) - np.repeat(starts, sizes)
        times_us[order] = now_us - (np.repeat(sizes, sizes) - 1 - rank)
    return times_us, future
