"""Series that stop for good: retired by time or by hand, written down for the next start, back when they speak again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tapewatch.clock import US_PER_S, Clock
from tapewatch.errors import QueryError
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Identity, Table
from tapewatch.model.tables.self import CANARY, SILENCE
from tapewatch.query.known import Retirement, Series
from tapewatch.query.series import SeriesBook
from tapewatch.query.steady import passed_us, steady_moment
from tapewatch.query.verdict import duration

RETIRED_AFTER_PERIODS = 30
"""Nothing is retired by time before it has missed so many of its periods: what comes once a day may stay away for a month."""

NOTED_AFTER_S = 12 * 3600.0
"""A silence of this length is written down: a start reads only the rows of the last day."""

SILENT, RETIRED, BACK = "silent", "retired", "back"
"""What a row of table ``silence`` says of its series."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One row of table ``silence``: what has become of a series, and the series itself."""

    table: str
    series: Series
    standing: str
    why: str = ""


def is_over(silent_us: int, expected_us: int | None, after_s: float) -> bool:
    """Whether a series has been silent for so long that it has stopped for good. Pure.

    Args:
        silent_us: Microseconds since its newest row.
        expected_us: Expected spacing of its rows; None while unknown.
        after_s: Seconds after which a series of its table is retired at the earliest.
    """
    return silent_us > max(after_s * US_PER_S, RETIRED_AFTER_PERIODS * (expected_us or 0))


def can_retire(table: Table) -> bool:
    """Whether the rows of a table are series that may stop; entities such as orders only ever end."""
    return table.identity is Identity.MEASUREMENT and table.name not in {SILENCE.name, CANARY.name}


class Retirements:
    """Decides about the series of a book.

    Args:
        book: Knows them.
        catalog: Tables by name.
        clock: The time.
        after_s: Gives for a table the seconds of silence after which its series are retired.
    """

    def __init__(self, book: SeriesBook, catalog: Mapping[str, Table], clock: Clock, after_s: Callable[[str], float]) -> None:
        self._book = book
        self._catalog = catalog
        self._clock = clock
        self._after_s = after_s

    # --- deciding -----------------------------------------------------------------------------------------------------

    def sweep(self) -> list[Silence]:
        """Retire what has been silent for too long; gives all that is to be written down. Blocks; may run in a thread."""
        found = [Silence(table, series, BACK) for table, series in self._book.take_back()]
        for table in tuple(self._catalog.values()):
            if can_retire(table):
                found += self._swept(table.name)
        return found

    def _swept(self, name: str) -> list[Silence]:
        now_s, after_s = self._clock.monotonic_s(), self._after_s(name)

        def why(series: Series) -> str:
            silent_us = passed_us(max(series.newest_s, series.back_s), now_s)
            return f"silent for {duration(silent_us)}" if is_over(silent_us, series.expected_us, after_s) else ""

        retired = [Silence(name, series, RETIRED, why(series)) for series in self._book.retire(name, why)]
        silent: list[Silence] = []
        for series in self._book.series(name):
            if series.retired is None and not series.is_noted and passed_us(series.newest_s, now_s) > NOTED_AFTER_S * US_PER_S:
                series.is_noted = True
                silent.append(Silence(name, series, SILENT))
        return [*retired, *silent]

    def retire(self, name: str, tags: Mapping[str, str], why: str = "") -> list[Silence]:
        """Retire the series of a table that have these tags, by hand.

        Args:
            name: The table.
            tags: Values that a series must have; ``source`` may be among them. At least one.
            why: What people read beside it.

        Raises:
            QueryError: There is no such table or tag, or no series that is alive has these values.
        """
        is_meant = self._meant(name, tags)
        reason = f"by hand: {why}" if why else "by hand"
        retired = self._book.retire(name, lambda series: reason if is_meant(series) else "")
        if not retired:
            raise QueryError(f"no series of {name} that is not retired has {_words(tags)}", position="tags")
        return [Silence(name, series, RETIRED, reason) for series in retired]

    def bring_back(self, name: str, tags: Mapping[str, str]) -> list[Silence]:
        """Judge retired series of a table that have these tags again; raises as `retire`."""
        back = self._book.bring_back(name, self._meant(name, tags))
        if not back:
            raise QueryError(f"no retired series of {name} has {_words(tags)}", position="tags")
        return [Silence(name, series, BACK) for series in back]

    def _meant(self, name: str, tags: Mapping[str, str]) -> Callable[[Series], bool]:
        table = self._catalog.get(name)
        if table is None:
            raise QueryError(f"there is no table {name!r}; tables are {', '.join(self._catalog)}", position="table")
        if not can_retire(table):
            raise QueryError(f"the rows of {name} are no series that are measured; they are not retired", position="table")
        names = (*table.tags, "source")
        unknown = [tag for tag in tags if tag not in names]
        if unknown or not tags:
            what = f"{unknown[0]!r} is not a tag of {name}" if unknown else "name at least one tag and its value"
            raise QueryError(f"{what}; tags are {', '.join(names)}", position="tags")
        wanted = [(names.index(tag), value) for tag, value in tags.items()]
        return lambda series: all((*series.key, series.source)[place] == value for place, value in wanted)

    # --- writing down and reading again -------------------------------------------------------------------------------

    def rows(self, found: Sequence[Silence]) -> list[dict[str, Any]]:
        """What is to be written down as rows of table ``silence``."""
        rows: list[dict[str, Any]] = []
        for one in found:
            table, series = self._catalog[one.table], one.series
            spacing_us = series.expected_us
            rows.append(
                {
                    "table_name": one.table,
                    "series": orjson.dumps(dict(zip(table.tags, series.key, strict=True))).decode(),
                    "reporter": series.source,
                    "standing": one.standing,
                    "last_row_at": series.newest_us,
                    "expected_s": None if spacing_us is None else spacing_us / US_PER_S,
                    "why": one.why or None,
                }
            )
        return rows

    def remember(self, written: RowBatch) -> None:
        """Read what was written down before the start: the newest row of each series, in any order."""
        words = {name: written.coded(name).words().tolist() for name in ("table_name", "series", "reporter", "standing", "why")}
        expected_s = written.columns["expected_s"]
        for row in range(written.count):
            name, standing = words["table_name"][row], words["standing"][row]
            table = self._catalog.get(name)
            key = None if table is None else _key(table, words["series"][row])
            if key is None or standing == BACK:
                continue
            at_us, newest_us = int(written.array("ts")[row]), int(written.array("last_row_at")[row])
            series = Series(key, words["reporter"][row], newest_us, self._steady(newest_us), newest_us)
            spacing_s = float("nan") if isinstance(expected_s, Coded) else float(expected_s[row])
            series.space(spacing_s if spacing_s > 0 else None)
            if standing == RETIRED:
                series.retired = Retirement(at_us, self._steady(at_us), words["why"][row] or "by hand")
            self._book.remember(name, series)

    def _steady(self, at_us: int) -> float:
        return steady_moment(at_us, self._clock.now_us(), self._clock.monotonic_s())


def _key(table: Table, text: str) -> tuple[str, ...] | None:
    """The tags of a series; None when they are not those that the table has now."""
    tags: dict[str, str] = orjson.loads(text)
    return tuple(tags.values()) if tuple(tags) == table.tags else None


def _words(tags: Mapping[str, str]) -> str:
    return " ".join(f"{tag}={value}" for tag, value in tags.items())
