"""Numbers, yes-or-no values and sketches of one column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import NoneType
from typing import Any, cast

import numpy as np

from tapewatch.ingest.validate.cells import Cells
from tapewatch.model.rows import NULL_FLAG, Flags, Floats, Sketches
from tapewatch.model.sketch import ZERO_INDEX

NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
"""The only texts a number may be: how JSON writers without these numbers write them."""

LARGEST_INDEX = 10_000
MOST_BUCKETS = 8_192

_PLAIN = {int, float, NoneType}


def numbers(cells: Cells) -> Floats:
    """Float64 (n,), NaN = null: wrong types, values that are not finite and values out of range are null."""
    array = _floats(cells)
    column = cells.column
    if column.minimum is not None:
        _refuse_where(cells, array, array < column.minimum)
    if column.maximum is not None:
        _refuse_where(cells, array, array > column.maximum)
    return array


def _refuse_where(cells: Cells, array: Floats, outside: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    if outside.any():
        at = np.flatnonzero(outside)
        cells.refuse(at, "out_of_range", lambda _: f"{cells.column.name} takes {_allowed(cells)}.")
        array[at] = math.nan


def _allowed(cells: Cells) -> str:
    column = cells.column
    low, high = column.minimum, column.maximum
    words = f"numbers from {low:g} to {high:g}" if low is not None and high is not None else ""
    words = words or (f"numbers from {low:g} up" if low is not None else f"numbers up to {high:g}" if high is not None else "numbers")
    return words if column.unit in {"none", "count"} else f"{words} (unit {column.unit})"


def _floats(cells: Cells) -> Floats:
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        array = values.astype(np.float64)
        return _without_infinite(cells, array, np.isinf(array))
    items = cells.items()
    kinds = set(map(type, items))
    if kinds <= _PLAIN:
        try:
            array = np.array(items, np.float64)
        except OverflowError:  # an integer beyond the range of a float
            return _one_by_one(cells)
        broken = ~np.isfinite(array)
        if NoneType in kinds and broken.any():
            broken &= np.fromiter((value is not None for value in items), np.bool_, len(items))
        return _without_infinite(cells, array, broken)
    return _one_by_one(cells)


def _without_infinite(cells: Cells, array: Floats, broken: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    if broken.any():
        at = np.flatnonzero(broken)
        cells.note(at, "nan")
        array[at] = math.nan
    return array


def _one_by_one(cells: Cells) -> Floats:
    array = np.full(len(cells), math.nan)
    wrong: list[int] = []
    broken: list[int] = []
    huge: list[int] = []
    for i, value in cells.each():
        if isinstance(value, bool) or not isinstance(value, int | float):
            (broken if isinstance(value, str) and value in NOT_FINITE else wrong).append(i)
            continue
        try:
            array[i] = float(value)
        except OverflowError:
            huge.append(i)
            continue
        if not math.isfinite(value):
            broken.append(i)
    array[broken] = math.nan
    cells.note(broken, "nan")
    cells.refuse(wrong, "wrong_type", lambda value: f"{cells.column.name} takes {_allowed(cells)}, not {_kind_of(value)}.")
    cells.refuse(huge, "out_of_range", lambda _: f"{cells.column.name} takes {_allowed(cells)} that fit into 64 bits.")
    return array


def _kind_of(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "text; write the number without quotes"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a value of type {type(value).__name__}"


def flags(cells: Cells) -> Flags:
    """Int8 (n,), -1 = null: only true and false are kept."""
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype == np.bool_:
        return values.astype(np.int8)
    items = cells.items()
    if set(map(type, items)) <= {bool, NoneType}:
        return np.array([NULL_FLAG if value is None else value for value in items], np.int8)
    array = np.full(len(items), NULL_FLAG, np.int8)
    wrong: list[int] = []
    for i, value in cells.each():
        if isinstance(value, bool):
            array[i] = value
        else:
            wrong.append(i)
    cells.refuse(wrong, "wrong_type", lambda _: f"{cells.column.name} takes true or false without quotes.")
    return array


def sketches(cells: Cells) -> Sketches:
    """Object (n,) of dict[int, int] or None: bucket index to count, as an object whose keys may be text (JSON)."""
    array = np.empty(len(cells), dtype=np.object_)
    wrong: list[int] = []
    for i, value in cells.each():
        sketch = _sketch(value)
        if sketch is None:
            wrong.append(i)
        else:
            array[i] = sketch
    cells.refuse(
        wrong,
        "wrong_type",
        lambda _: (
            f"{cells.column.name} takes an object of bucket index ({ZERO_INDEX} to {LARGEST_INDEX}) to count (1 and up), "
            f"at most {MOST_BUCKETS} of them."
        ),
    )
    return array


def _sketch(value: object) -> dict[int, int] | None:
    if not isinstance(value, Mapping):
        return None
    pairs = cast("Mapping[object, object]", value)
    if len(pairs) > MOST_BUCKETS:
        return None
    sketch: dict[int, int] = {}
    for key, count in pairs.items():
        index = _index(key)
        if index is None or isinstance(count, bool) or not isinstance(count, int) or not 0 < count < 2**63:
            return None
        sketch[index] = count
    return sketch


def _index(key: object) -> int | None:
    if isinstance(key, str) and key.removeprefix("-").isdecimal() and len(key) <= len("-10000"):
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, int) or not ZERO_INDEX <= key <= LARGEST_INDEX:
        return None
    return key
