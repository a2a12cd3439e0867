"""The closed list of units, their stored form and how people see them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scale(StrEnum):
    """How a number of this unit is written on a screen."""

    PLAIN = "plain"
    COUNT = "count"
    RATIO = "ratio"
    BYTES = "bytes"
    DURATION = "duration"
    TIME = "time"
    MONEY = "money"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: what is stored, and how it is shown.

    Attributes:
        name: The word used in column definitions and in the catalogue.
        suffix: What stands behind the number on a screen; empty for none.
        decimals: Fixed decimals on a screen, so that digits do not dance.
        scale: The rule by which a screen writes it.
        per_unit_s: For durations: seconds in one unit; else 0.
        grafana: Grafana's id for the same unit.
    """

    name: str
    suffix: str
    decimals: int
    scale: Scale
    grafana: str
    per_unit_s: float = 0.0


UNITS: tuple[Unit, ...] = (
    Unit("none", "", 2, Scale.PLAIN, "short"),
    Unit("count", "", 0, Scale.COUNT, "short"),
    Unit("per_s", "/s", 1, Scale.PLAIN, "cps"),
    Unit("per_min", "/min", 1, Scale.PLAIN, "cpm"),
    Unit("per_h", "/h", 1, Scale.PLAIN, "short"),
    Unit("ratio", "%", 1, Scale.RATIO, "percentunit"),
    Unit("bps", "bp", 1, Scale.PLAIN, "short"),
    Unit("ms", "ms", 1, Scale.PLAIN, "ms", 0.001),
    Unit("s", "s", 1, Scale.DURATION, "s", 1.0),
    Unit("h", "h", 1, Scale.DURATION, "h", 3600.0),
    Unit("bytes", "B", 1, Scale.BYTES, "bytes"),
    Unit("bytes_per_s", "B/s", 1, Scale.BYTES, "Bps"),
    Unit("money", "", 2, Scale.MONEY, "short"),
    Unit("price", "", 8, Scale.PLAIN, "short"),
    Unit("quantity", "", 8, Scale.PLAIN, "short"),
    Unit("us", "", 0, Scale.TIME, "dateTimeAsIso"),
    Unit("flag", "", 0, Scale.FLAG, "bool_yes_no"),
    Unit("text", "", 0, Scale.TEXT, "string"),
)

UNIT_BY_NAME: dict[str, Unit] = {unit.name: unit for unit in UNITS}
