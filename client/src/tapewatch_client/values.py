"""Python values as JSON text that the server can judge: nothing is invented, nothing breaks the batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite, isnan
from typing import TypeGuard, cast

from tapewatch_client.json_text import dumps, standard

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
#: JSON readers keep integers of 64 bits; beyond, a number is written as a float.
INTEGER_LIMIT = 2**63

Container = Mapping[object, object] | Sequence[object] | AbstractSet[object]
Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]


class Layout:
    """Names of the columns that the lists of values stand for, in the order in which they came up."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names = list(names)
        self._places: dict[object, int] = {name: place for place, name in enumerate(self.names)}

    def place(self, name: object) -> int:
        """Where the value of a column stands; a new column comes last.

        Raises:
            TypeError: JSON has no such name.
        """
        place = self._places.get(name)
        if place is None:
            written = _name(name)  # two that are written alike are one column
            place = self._places.setdefault(written, len(self.names))
            self._places[name] = place
            if place == len(self.names):
                self.names.append(written)
        return place


def encode_row(ts: object, columns: Mapping[str, object], layout: Layout) -> tuple[bytes, list[str]]:
    """Write one row as a JSON list of values.

    Args:
        ts: Time of the row: integer microseconds, a datetime, or text for the server to judge.
        columns: Values by column.
        layout: Where each stands; it learns the columns that it does not have yet.

    Returns:
        The list, which may be shorter than the layout, and the columns whose value could not be written (null stands in their place).
    """
    plain: list[Plain] = [None] * len(layout.names)
    lost: list[str] = []
    for name, value in (("ts", ts), *columns.items()):
        place = layout.place(name)
        if place >= len(plain):
            plain.append(None)
        if _is_plain(value):
            plain[place] = cast("Plain", value)
            continue
        try:
            plain[place] = plain_of(value)
        except Exception:  # noqa: BLE001 - foreign objects may raise anything while they are written
            plain[place] = None
            lost.append(str(name))
    return dumps(plain), lost


def _name(name: object) -> str:
    """A column's name as JSON has it: other keys as the standard library writes them, ``?`` for half surrogates."""
    (written,) = json.loads(standard({name: None}))
    return cast("str", written)


def _is_plain(value: object) -> bool:
    """Whether JSON holds the value as it is; the quick way for nearly all of them."""
    kind = type(value)
    if kind is float:
        return isfinite(cast("float", value))
    if kind is int:
        return -INTEGER_LIMIT <= cast("int", value) < INTEGER_LIMIT
    return kind is str or kind is bool or value is None


def plain_of(value: object) -> Plain:
    """Turn a value into what JSON can hold.

    A NaN or an infinity becomes its name as text, which the server stores as null and counts. A datetime with a zone becomes
    integer microseconds; one without is written without, so that the server refuses it by name. A dict from integers to
    numbers (a sketch) stays an object, any other container becomes its JSON text, anything else its ``str``.
    """
    if isinstance(value, Enum):
        return plain_of(value.value)
    if value is None or isinstance(value, str | int | float | Decimal):
        return _scalar(value)
    if isinstance(value, date):
        return _moment(value)
    if _is_sketch(value):
        return {str(key): plain_of(count) for key, count in value.items()}
    if _is_container(value):
        return standard(_tree(value)).decode()
    return _foreign(value)


def _scalar(value: str | float | Decimal | None) -> Plain:
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return int(value)
    if isinstance(value, Decimal) and value.is_nan():
        return "NaN"
    return _float(value)


def _float(value: float | Decimal) -> float | str:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf" if value > 0 else "-inf")
    if isfinite(number):
        return number
    if isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _moment(value: date) -> int | str:
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return (value - EPOCH) // MICROSECOND
    return value.isoformat()


def _is_sketch(value: object) -> TypeGuard[dict[int, object]]:
    if not isinstance(value, dict) or not value:
        return False
    return all(type(key) is int for key in cast("dict[object, object]", value))


def _is_container(value: object) -> TypeGuard[Container]:
    return isinstance(value, Mapping | Sequence | AbstractSet) and not isinstance(value, str | bytes | bytearray | memoryview)


def _tree(value: object) -> Plain:
    """The same containers with plain values, for the JSON text of a column."""
    if not _is_container(value):
        return plain_of(value)
    if isinstance(value, Mapping):
        return {str(key): _tree(each) for key, each in value.items()}
    return [_tree(each) for each in value]


def _foreign(value: object) -> Plain:
    """Ask numpy's scalars for their Python value, except its zoneless times, and anything else for its text."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0 and getattr(getattr(value, "dtype", None), "kind", "M") not in "mMO":
        return plain_of(item())
    return str(value)
