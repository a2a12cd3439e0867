"""What is known of each series right now: newest row, spacing, judged values and since when. An observer of accepted rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from tapewatch.clock import US_PER_S, Clock
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch
from tapewatch.model.table import Column, Identity, Kind, Status, Table
from tapewatch.model.tables import infrastructure, market
from tapewatch.model.tables import self as own
from tapewatch.query.clocks import HostClocks
from tapewatch.query.group import Member, combined, is_worse
from tapewatch.query.verdict import FINE, Finding, Verdict, judge_age, judge_flag, judge_number, judge_state

ROWS_TO_LEARN = 5
"""Rows after which the median spacing of a series counts as its period."""
FORGET_AFTER_US = 24 * 3600 * US_PER_S
"""A series silent for longer takes no part in verdicts; its rows stay in the history."""
MOST_SERIES = 100_000
MOST_COMBINED = 2**40
"""Above this, combined tag codes are renumbered before the next tag could overflow 64 bits."""

JUDGED_ANEW_US = 200_000
"""Findings about a table without new rows stand for this long: only their age goes on, and panels are drawn far less often."""

Value = float | bool | str | None


@dataclass(slots=True)
class Judged:
    """The newest value of one judged column and since when it means the same: this word or flag, or being past a line."""

    value: Value
    since_us: int
    is_past: bool = False


@dataclass(slots=True)
class Series:
    """One series of one source."""

    key: tuple[str, ...]
    source: str
    newest_us: int
    received_us: int
    rows: int = 0
    declared_us: int | None = None
    spacings: deque[int] = field(default_factory=lambda: deque(maxlen=9))
    judged: dict[str, Judged] = field(default_factory=dict[str, Judged])
    evidence: str = ""

    @property
    def expected_us(self) -> int | None:
        """The declared period, else the median spacing after five rows, else None."""
        if self.declared_us is not None:
            return self.declared_us
        return int(median(self.spacings)) if len(self.spacings) >= ROWS_TO_LEARN - 1 else None


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was found about the series of one table: after how many batches, and when."""

    heard: int
    at_us: int
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time in which a source could not have delivered, and why."""

    source: str
    start_us: int
    end_us: int | None
    why: str


class SeriesBook:
    """Knows every series that is alive; not thread-safe: fed and read on the event loop (reads elsewhere get copies).

    Args:
        catalog: All tables.
        clock: For ages.
    """

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._judged: dict[str, tuple[Table, list[Column]]] = {}
        self._tables: dict[str, dict[tuple[tuple[str, ...], str], Series]] = {}
        self._place = places(catalog)
        self._heard: dict[str, int] = {}
        self._findings: dict[str, _Findings] = {}
        self.clocks = HostClocks(clock)
        self._outages: deque[Outage] = deque(maxlen=500)
        self._failing: dict[str, tuple[int, str]] = {}
        self._count = 0

    def __call__(self, batch: RowBatch) -> None:
        """Take note of accepted rows; a canary is no series that anybody watches."""
        table = self._catalog.get(batch.table)
        if table is None or batch.count == 0 or table.name == own.CANARY.name:
            return
        book = self._tables.setdefault(table.name, {})
        for key, last, rows in _series_of(batch, table):
            self._note(book, table, batch, key, last, rows)
        self.clocks(batch)
        if table.name == "collector_run":
            self._note_runs(batch)
        self._heard[table.name] = self._heard.get(table.name, 0) + 1  # last: who judges meanwhile judges again

    def _note(
        self, book: dict[tuple[tuple[str, ...], str], Series], table: Table, batch: RowBatch, key: tuple[str, ...], last: int, rows: int
    ) -> None:
        ts = int(batch.array("ts")[last])
        received = int(batch.array("received_at")[last])
        source = key[-1]
        series = book.get((key[:-1], source))
        if series is None:
            if self._count >= MOST_SERIES:
                self._forget_oldest()
            series = book[key[:-1], source] = Series(key[:-1], source, ts, received)
            self._count += 1
        elif ts > series.newest_us:
            series.spacings.append((ts - series.newest_us) // rows)
        elif ts < series.newest_us:
            return
        series.newest_us, series.received_us = ts, received
        series.rows += rows
        if batch.period_s is not None:
            series.declared_us = int(batch.period_s * US_PER_S)
        for column in self._columns_of(table):
            self._note_value(series, column, _value(batch, column, last), ts)
        if "evidence" in batch.columns:
            series.evidence = _word(batch, "evidence", last) or ""

    def _columns_of(self, table: Table) -> list[Column]:
        """See `judged_columns`; tables may be declared while the server runs."""
        known = self._judged.get(table.name)
        if known is None or known[0] is not table:
            known = self._judged[table.name] = table, judged_columns(table)
        return known[1]

    def _note_value(self, series: Series, column: Column, value: Value, ts: int) -> None:
        held = series.judged.get(column.name)
        is_past = isinstance(value, float) and judge_number(value, column.thresholds).status is not Status.UP
        is_same = held is not None and (held.is_past == is_past if isinstance(value, float) else held.value == value)
        since_us = held.since_us if held is not None and is_same else ts
        series.judged[column.name] = Judged(value, since_us, is_past)

    def _forget_oldest(self) -> None:
        table, key = min(
            ((name, key) for name, book in self._tables.items() for key in book), key=lambda pair: self._tables[pair[0]][pair[1]].newest_us
        )
        del self._tables[table][key]
        self._count -= 1

    def _note_runs(self, batch: RowBatch) -> None:
        """Begin and end outages; runs that do not say how they went change nothing."""
        if "ok" not in batch.columns:
            return
        ok, names, times = batch.array("ok"), batch.coded("collector").words(), batch.array("ts")
        for i in range(batch.count):
            name, now_us = str(names[i]), int(times[i])
            if ok[i] == 0 and name not in self._failing:
                self._failing[name] = (now_us, _word(batch, "error", i) or "failed")
            elif ok[i] == 1 and name in self._failing:
                start_us, why = self._failing.pop(name)
                self._outages.append(Outage(name, start_us, now_us, f"collector {name} failed: {why}"))

    def note_outage(self, outage: Outage) -> None:
        """Remember a stretch without rows whose cause is known, such as a stop of the server itself (source empty: all)."""
        self._outages.append(outage)

    def outages(self) -> tuple[Outage, ...]:
        """Known stretches in which sources could not deliver; those that go on have no end."""
        failing = tuple(self._failing.items())
        going_on = (Outage(name, start_us, None, f"collector {name} fails: {why}") for name, (start_us, why) in failing)
        return (*self._outages, *going_on)

    def series(self, table: str) -> tuple[Series, ...]:
        """All series of a table, of every source; safe to call from another thread."""
        return tuple(self._tables.get(table, {}).values())

    def count(self) -> int:
        """Number of series alive."""
        return self._count

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

    def judge(
        self, table_name: str, keep: Callable[[Mapping[str, str]], bool] | None = None, by: Iterable[str] | None = None
    ) -> list[Verdict]:
        """Judge the series of one table.

        Args:
            table_name: Which table.
            keep: Which series, by their tags (``source`` included); None: all.
            by: Tags that make one group; series of a group are judged together, the worst wins. None: all tags.
        """
        table = self._catalog[table_name]
        names = tuple(by) if by is not None else table.tags
        all_names = (*table.tags, "source")
        places = [all_names.index(name) for name in names]
        now_us = self._clock.now_us()
        groups: dict[tuple[str, ...], list[Member]] = {}
        for member in self._findings_of(table, now_us):
            words = (*member[0].key, member[0].source)
            if keep is None or keep(dict(zip(all_names, words, strict=True))):
                groups.setdefault(tuple([words[place] for place in places]), []).append(member)
        return [combined(table_name, dict(zip(names, key, strict=True)), members, now_us) for key, members in groups.items()]

    def _findings_of(self, table: Table, now_us: int) -> Sequence[Member]:
        """Each series that is alive, with the worst finding about it and since when."""
        heard = self._heard.get(table.name, 0)
        known = self._findings.get(table.name)
        if known is not None and known.heard == heard and 0 <= now_us - known.at_us < JUDGED_ANEW_US:
            return known.members
        alive = [series for series in self.series(table.name) if now_us - series.newest_us <= FORGET_AFTER_US]
        members = [(series, *self._finding(table, series, now_us)) for series in alive]
        self._findings[table.name] = _Findings(heard, now_us, members)
        return members

    def _finding(self, table: Table, series: Series, now_us: int) -> tuple[Finding, int | None]:
        """The worst finding about a series, and since when."""
        found: tuple[Finding, int | None] = (FINE, None)
        if table.identity is Identity.MEASUREMENT:
            found = (judge_age(max(0, now_us - series.newest_us), series.expected_us), series.newest_us)
        for column in self._columns_of(table):
            held = series.judged.get(column.name)
            if held is not None:
                finding = self._judge_column(table, column, held, series, now_us)
                if found[1] is None or is_worse(finding, found[0]):
                    found = (finding, held.since_us)
        return found

    def _judge_column(self, table: Table, column: Column, held: Judged, series: Series, now_us: int) -> Finding:
        value = held.value
        match column.kind:
            case Kind.FLAG:
                return judge_flag(value if isinstance(value, bool) else None, column.flag_rule, now_us - held.since_us, column)
            case Kind.STATE:
                finding = judge_state(value if isinstance(value, str) else None, column)
                if finding.status is not Status.UP and column.name == table.stream_verdict and series.evidence:
                    return Finding(finding.status, f"{value}: {series.evidence}")
                return finding
            case _:
                return judge_number(value if isinstance(value, float) else None, column.thresholds, column, now_us - held.since_us)


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


def _series_of(batch: RowBatch, table: Table) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """For each series of the batch: its tags and source, the position of its newest row, and its number of rows."""
    columns = [column if isinstance(column := batch.columns.get(name), Coded) else None for name in (*table.tags, "source")]
    combined = np.zeros(batch.count, np.int64)
    for column in columns:
        if column is not None:
            combined = combined * (len(column.values) + 1) + (column.codes + 1)
            if combined.max() > MOST_COMBINED:
                combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((batch.array("ts"), combined))
    ordered = combined[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    previous = -1
    for end in ends:
        last = int(order[end])
        yield tuple(_coded_word(column, last) or "" for column in columns), last, int(end) - previous
        previous = int(end)


def _coded_word(column: Coded | None, row: int) -> str | None:
    if column is None:
        return None
    code = int(column.codes[row])
    return column.values[code] if code >= 0 else None


def _word(batch: RowBatch, name: str, row: int) -> str | None:
    column = batch.columns.get(name)
    return _coded_word(column, row) if isinstance(column, Coded) else None


def _value(batch: RowBatch, column: Column, row: int) -> Value:
    values = batch.columns.get(column.name)
    if values is None:
        return None
    if isinstance(values, Coded):
        return _word(batch, column.name, row)
    value = values[row]
    if column.kind is Kind.FLAG:
        return None if value == NULL_FLAG else bool(value)
    if column.kind is Kind.TIME:
        return None if value == NULL_TIME else float(value)
    return None if np.isnan(value) else float(value)
