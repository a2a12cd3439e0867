"""What is known of each series right now: newest row, spacing, judged values and since when. An observer of accepted rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from threading import RLock

from tapewatch.clock import Clock
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Column, Identity, Status, Table
from tapewatch.model.tables import infrastructure, market
from tapewatch.model.tables import self as own
from tapewatch.query.clocks import HostClocks
from tapewatch.query.deafness import Deafness
from tapewatch.query.findings import about
from tapewatch.query.group import Keep, Member, Retired, combined, grouped, retired_together
from tapewatch.query.known import Judged, Retirement, Series, Value
from tapewatch.query.noted import series_of, value_of, word
from tapewatch.query.outages import Outages
from tapewatch.query.steady import passed_us, steady_moment
from tapewatch.query.verdict import FINE, Verdict, is_suspect, judge_number, judge_state

FORGET_AFTER_S = 24 * 3600.0
"""An entity, such as an order, that nothing was heard of for longer takes no part in verdicts. A measured series is retired instead."""
MOST_SERIES = 100_000
LARGE = 20
"""Batches with fewer rows are noted at once."""
MOST_WAITING, MOST_WAIT_S = 20_000, 1.0
"""Rows that may wait to be noted, and seconds that they may while nobody looks."""
NOTED_ANEW_S = 0.25
"""Who looks so soon after another has looked sees what that one saw; see `SeriesBook.is_behind`."""

_Name = tuple[tuple[str, ...], str]
"""Tags of a series, and its source."""

JUDGED_ANEW_S = 0.2
"""Findings about a table without new rows stand for this long: only their age goes on, and panels are drawn far less often."""


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was found about the series of one table: after how many batches, and when."""

    heard: int
    at_s: float
    members: Sequence[Member]


class SeriesBook:
    """Knows every series that is alive. Fed on the event loop, read from any thread.

    Large batches wait until somebody looks, at most four times a second, or one comes that is more than a second newer: then a series is
    noted once, however many brought a row of it.

    Args:
        catalog: All tables.
        clock: For ages.
        hears: Whether rows that come are taken at this moment; while they are not, nothing is called silent for that.
    """

    def __init__(self, catalog: Catalog, clock: Clock, hears: Callable[[], bool] = lambda: True) -> None:
        self._catalog = catalog
        self._hears = hears
        self._deafness = Deafness()
        self._clock = clock
        self._judged: dict[str, tuple[Table, list[Column]]] = {}
        self._tables: dict[str, dict[_Name, Series]] = {}
        self._place = places(catalog)
        self._heard: dict[str, int] = {}
        self._arrived: dict[str, int] = {}
        self._noted: dict[str, int] = {}
        self._findings: dict[str, _Findings] = {}
        self.clocks = HostClocks(clock)
        self._lock = RLock()
        self._waiting: dict[str, list[RowBatch]] = {}
        self._waiting_rows = 0
        self._waiting_since_s = 0.0
        self._looked_s = -inf
        self.outages = Outages()
        self._count = 0
        self._retired: dict[str, dict[_Name, Series]] = {}
        self._back: list[tuple[str, Series]] = []

    def __call__(self, batch: RowBatch) -> None:
        """Take note of accepted rows; a canary is no series that anybody watches."""
        if batch.table not in self._catalog or batch.count == 0 or batch.table == own.CANARY.name:
            return
        self.clocks(batch)
        if batch.table == own.COLLECTOR_RUN.name:
            self.outages(batch)
        with self._lock:
            self._arrived[batch.table] = self._arrived.get(batch.table, 0) + 1
            if batch.count < LARGE and batch.table not in self._waiting:
                self._note_batch(self._catalog[batch.table], batch)
                self._noted[batch.table] = self._arrived[batch.table]
                return
            now_s = self._clock.monotonic_s()
            if self._waiting and now_s - self._waiting_since_s > MOST_WAIT_S:
                self._note_waiting()
            if not self._waiting:
                self._waiting_since_s = now_s
            self._waiting.setdefault(batch.table, []).append(batch)
            self._waiting_rows += batch.count
            if self._waiting_rows > MOST_WAITING:
                self._note_waiting()

    def _note_waiting(self) -> None:
        """Note what waits; those with the same declared period together."""
        with self._lock:
            waiting, self._waiting, self._waiting_rows = self._waiting, {}, 0
            for name, batches in waiting.items():
                for _, alike in itertools.groupby(batches, lambda batch: batch.period_s):
                    self._note_batch(self._catalog[name], RowBatch.joined(list(alike)))
                self._noted[name] = self._arrived[name]

    def _catch_up(self) -> None:
        """Somebody looks: note what waits, unless that was done a moment ago. Waits for whoever is at it."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if self._waiting and now_s - self._looked_s >= NOTED_ANEW_S:
                self._looked_s = now_s
                self._note_waiting()

    def look(self, table: str) -> int:
        """How many batches of a table a verdict knows that is given from now on; see `is_behind`."""
        self._catch_up()
        return self._noted.get(table, 0)

    def is_behind(self, table: str, known: int) -> bool:
        """Whether rows of a table have arrived that a verdict may not know which was given after `look` said ``known``."""
        return self._arrived.get(table, 0) > known

    def _note_batch(self, table: Table, batch: RowBatch) -> None:
        book = self._tables.setdefault(table.name, {})
        for key, last, rows in series_of(batch, table):
            self._note(book, table, batch, key, last, rows)
        self._heard[table.name] = self._heard.get(table.name, 0) + 1  # last: who judges meanwhile judges again

    def _note(self, book: dict[_Name, Series], table: Table, batch: RowBatch, key: tuple[str, ...], last: int, rows: int) -> None:
        ts = int(batch.array("ts")[last])
        received = int(batch.array("received_at")[last])
        source = key[-1]
        now_us = self._clock.now_us()
        at_s = steady_moment(ts, now_us, self._clock.monotonic_s())
        series = book.get((key[:-1], source))
        if series is None:
            if self._count >= MOST_SERIES:
                self._forget_oldest()
            series = book[key[:-1], source] = Series(key[:-1], source, ts, at_s, received)
            self._count += 1
        elif ts > series.newest_us:
            series.spacings.append((ts - series.newest_us) // rows)
        elif ts < series.newest_us and series.received_us <= now_us:  # else the host's clock was set back meanwhile, and this is newer
            return
        series.newest_us, series.newest_s, series.received_us = ts, at_s, received
        series.rows += rows
        series.space(batch.period_s)
        columns = self._columns_of(table)
        for column in columns:
            self._note_value(series, column, value_of(batch, column, last), ts, at_s)
        series.suspects = tuple(column for column in columns if is_suspect(series.judged[column.name].value, column))
        if "evidence" in batch.columns:
            series.evidence = word(batch, "evidence", last) or ""
        if series.retired is not None or series.is_noted:
            self._hear_again(table, series)

    def _columns_of(self, table: Table) -> list[Column]:
        """See `judged_columns`; tables may be declared while the server runs."""
        known = self._judged.get(table.name)
        if known is None or known[0] is not table:
            known = self._judged[table.name] = table, judged_columns(table)
        return known[1]

    def _note_value(self, series: Series, column: Column, value: Value, ts: int, at_s: float) -> None:
        held = series.judged.get(column.name)
        is_past = isinstance(value, float) and judge_number(value, column.thresholds).status is not Status.UP
        is_same = held is not None and (held.is_past == is_past if isinstance(value, float) else held.value == value)
        since = (held.since_us, held.since_s) if held is not None and is_same else (ts, at_s)
        series.judged[column.name] = Judged(value, *since, is_past)

    def _forget_oldest(self) -> None:
        table, key = min(
            ((name, key) for name, book in self._tables.items() for key in book), key=lambda pair: self._tables[pair[0]][pair[1]].newest_us
        )
        del self._tables[table][key]
        self._retired.get(table, {}).pop(key, None)
        self._count -= 1

    def series(self, table: str) -> tuple[Series, ...]:
        """All series of a table, of every source; safe to call from another thread."""
        self._catch_up()
        return tuple(self._tables.get(table, {}).values())

    def held_us(self, judged: Judged) -> int:
        """Microseconds for which a judged value has meant the same."""
        return passed_us(judged.since_s, self._clock.monotonic_s())

    def count(self) -> int:
        """Number of series alive."""
        self._catch_up()
        return self._count - self.retired_count()

    # --- series that have stopped for good ----------------------------------------------------------------------------

    def retire(self, table_name: str, why: Callable[[Series], str]) -> list[Series]:
        """Retire the series to which ``why`` gives a reason, as a sentence without a full stop; gives those that were not before."""
        self._note_waiting()
        with self._lock:
            now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
            chosen = [(series, why(series)) for series in self.series(table_name) if series.retired is None]
            for series, reason in chosen:
                if reason:
                    self._set_apart(table_name, series, Retirement(now_us, now_s, reason))
            return [series for series, reason in chosen if reason]

    def bring_back(self, table_name: str, is_meant: Callable[[Series], bool]) -> list[Series]:
        """Judge retired series again although they have not spoken; gives them."""
        with self._lock:
            chosen = [series for series in self._retired.get(table_name, {}).values() if is_meant(series)]
            for series in chosen:
                series.back_s = self._clock.monotonic_s()
                self._come_back(table_name, series)
            return chosen

    def remember(self, table_name: str, known: Series) -> None:
        """Take a series as it was known before a restart, unless it has been heard since; whether it spoke after it was retired counts."""
        table = self._catalog[table_name]
        with self._lock:
            book, name = self._tables.setdefault(table_name, {}), (known.key, known.source)
            series = book.get(name)
            if series is None:
                series = book[name] = known
                self._count += 1
            series.is_noted = True
            if known.retired is not None:
                self._set_apart(table_name, series, known.retired)
            if series is not known:
                self._hear_again(table, series)

    def _set_apart(self, table_name: str, series: Series, retirement: Retirement) -> None:
        series.retired = retirement
        self._retired.setdefault(table_name, {})[series.key, series.source] = series
        self._back = [one for one in self._back if one[1] is not series]
        self._heard[table_name] = self._heard.get(table_name, 0) + 1

    def _hear_again(self, table: Table, series: Series) -> None:
        """A series that fell silent speaks again; a measured stream when it is found to be up: that somebody measures it is no sign."""
        if series.retired is None or (series.newest_s > series.retired.at_s and self._is_alive(table, series)):
            self._come_back(table.name, series)

    def _is_alive(self, table: Table, series: Series) -> bool:
        if not table.stream_verdict:
            return True
        held = series.judged.get(table.stream_verdict)
        word = held.value if held is not None else None
        return isinstance(word, str) and judge_state(word, table.column[table.stream_verdict]).status is Status.UP

    def _come_back(self, table_name: str, series: Series) -> None:
        series.retired, series.is_noted = None, False
        self._retired.get(table_name, {}).pop((series.key, series.source), None)
        self._heard[table_name] = self._heard.get(table_name, 0) + 1
        self._back.append((table_name, series))

    def take_back(self) -> list[tuple[str, Series]]:
        """Series, with their tables, that were silent for long or retired and are judged again; each is given once."""
        with self._lock:
            back, self._back = self._back, []
            return back

    def retired_count(self) -> int:
        """Number of series that are retired."""
        return sum(map(len, tuple(self._retired.values())))

    def retired(self, table_name: str, keep: Keep | None = None, by: Iterable[str] | None = None) -> list[Retired]:
        """The groups of series of which none is alive; arguments as for `judge`."""
        self._catch_up()
        apart = tuple(self._retired.get(table_name, {}).values())
        if not apart:
            return []
        table = self._catalog[table_name]
        names = tuple(by) if by is not None else table.tags
        alive = grouped(self._findings_of(table, self._clock.monotonic_s()), table, names, keep)
        groups = grouped([(series, FINE, None) for series in apart], table, names, keep)
        found = ((dict(zip(names, key, strict=True)), members) for key, members in groups.items() if key not in alive)
        return [retired_together(table_name, key, [series for series, _, _ in members]) for key, members in found]

    def all_retired(self) -> list[Retired]:
        """Every watched series that is retired, the last one first."""
        found = [one for name in tuple(self._retired) if is_watched(self._catalog[name]) for one in self.retired(name)]
        return sorted(found, key=lambda one: -one.retired_us)

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def verdicts(self) -> list[Verdict]:
        """Judge every series of every table that has something to judge, the worst first.

        Among equals what the desk trades on stands before the machines that watch it, and then what has been wrong for longest:
        a clock that was never synchronised must not hide the venue that was lost a moment ago.
        """
        found = [verdict for name in self._catalog if is_watched(self._catalog[name]) for verdict in self.judge(name)]
        now_us = self._clock.now_us()
        return sorted(
            found,
            key=lambda verdict: (
                *(-verdict.status.rank, self._place.get(verdict.table, 0), verdict.since_us or now_us),
                *(verdict.table, sorted(verdict.key.items())),
            ),
        )

    def judge(self, table_name: str, keep: Keep | None = None, by: Iterable[str] | None = None) -> list[Verdict]:
        """Judge the series of one table; those that are retired are left out, see `retired`.

        Args:
            table_name: Which table.
            keep: Which series, by their tags (``source`` included); None: all.
            by: Tags that make one group; series of a group are judged together, the worst wins. None: all tags.
        """
        self._catch_up()
        table = self._catalog[table_name]
        names = tuple(by) if by is not None else table.tags
        now_s = self._clock.monotonic_s()
        groups = grouped(self._findings_of(table, now_s), table, names, keep)
        return [combined(table_name, dict(zip(names, key, strict=True)), members, now_s) for key, members in groups.items()]

    def _findings_of(self, table: Table, now_s: float) -> Sequence[Member]:
        """Each series that is alive, with the worst finding about it and since when."""
        heard = self._heard.get(table.name, 0)
        known = self._findings.get(table.name)
        is_deaf = not self._hears()
        with self._lock:
            self._deafness.note(now_s, is_deaf=is_deaf)
        if known is not None and known.heard == heard and now_s - known.at_s < JUDGED_ANEW_S:
            return known.members
        oldest_s = -inf if table.identity is Identity.MEASUREMENT else now_s - FORGET_AFTER_S
        alive = [series for series in self.series(table.name) if series.retired is None and series.newest_s >= oldest_s]
        members = [(series, *about(table, series, now_s, self._deafness)) for series in alive]
        self._findings[table.name] = _Findings(heard, now_s, members)
        return members


def places(catalog: Catalog) -> dict[str, int]:
    """For each table how near it is to the trade: tables of the user's own, then market data, then machines, then tapewatch itself."""
    families = (market.TABLES, infrastructure.TABLES, own.TABLES)
    built_in = {table.name: place for place, family in enumerate(families, 1) for table in family}
    return {name: built_in.get(name, 0) for name in catalog}


def judged_columns(table: Table) -> list[Column]:
    """The columns that take part in the verdict; for a measured stream its own verdict column alone."""
    if table.stream_verdict:
        return [table.column[table.stream_verdict]]
    return [column for column in table.columns if column.is_judged]


def is_watched(table: Table) -> bool:
    """Whether series of this table get a verdict at all."""
    return bool(judged_columns(table))
