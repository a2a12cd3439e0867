"""A time inside a decoded JSON document: where it stands and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

Step = str | int
"""A key of an object or a position in a list."""


class TimeUnit(StrEnum):
    """How a time since 1970 is written."""

    SECOND = "s"
    MILLISECOND = "ms"
    MICROSECOND = "us"
    NANOSECOND = "ns"
    ISO = "iso"  # ISO 8601 with an offset


EARLIEST_US = 946_684_800_000_000
LATEST_US = 4_102_444_800_000_000
"""The years 2000 to 2100: a time that is read in a wrong unit lies outside, whichever two units are mistaken for each other."""

_PER_SECOND_US = 1_000_000
_SCALE = {
    TimeUnit.SECOND: Decimal(_PER_SECOND_US),
    TimeUnit.MILLISECOND: Decimal(1000),
    TimeUnit.MICROSECOND: Decimal(1),
    TimeUnit.NANOSECOND: Decimal("0.001"),
}


_DIGITS = 30
"""Digits of µs after the first one at most: no unit makes more of a time, and such a number is slow to make."""

_ISO_US = 1000
"""What ISO 8601 times of venues are at least as fine as: their milliseconds."""


@dataclass(frozen=True, slots=True)
class TimeField:
    """Path and unit of a time.

    >>> TimeField(("data", 0, "ts"), TimeUnit.MILLISECOND).read({"data": [{"ts": "1597026383085"}]})
    1597026383085000
    """

    path: tuple[Step, ...]
    unit: TimeUnit

    def read(self, document: Any) -> int:  # noqa: ANN401 - decoded JSON
        """The time in µs since 1970.

        Raises:
            LookupError: There is nothing at the path.
            ValueError: What is there is no time of the unit.
        """
        return to_us(at(document, self.path), self.unit)

    @property
    def resolution_us(self) -> int:
        """How finely its times are written, µs; at least one."""
        return _ISO_US if self.unit is TimeUnit.ISO else max(1, int(_SCALE[self.unit]))


def at(document: Any, path: Sequence[Step]) -> Any:  # noqa: ANN401 - decoded JSON
    """What stands at a path.

    Raises:
        LookupError: There is nothing.
    """
    found = document
    try:
        for step in path:
            if isinstance(found, str):
                raise TypeError("a position in a text is a letter, not a value")  # noqa: TRY301 - told as the others are
            found = found[step]
    except TypeError as error:
        raise LookupError(f"nothing at {'.'.join(map(str, path))}") from error
    return found


def to_us(value: object, unit: TimeUnit) -> int:
    """A number or text as µs since 1970, rounded down.

    Raises:
        ValueError: It is no time of the unit.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is no time")  # noqa: TRY004 - what a venue sends is a value, whatever its type
    if unit is TimeUnit.ISO:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no offset")
        return round(moment.timestamp() * _PER_SECOND_US)
    try:
        scaled = Decimal(str(value)) * _SCALE[unit]
        if scaled.adjusted() > _DIGITS:
            raise OverflowError
        return int(scaled)
    except (ArithmeticError, ValueError) as error:
        raise ValueError(f"{value!r} is no time") from error
