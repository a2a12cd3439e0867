"""New series of each source, counted by hashes of their tags: an explosion is refused by name, known series go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tapewatch.clock import Clock
from tapewatch.ingest.validate import Excess
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table
from tapewatch.settings import SourceLimits
from tapewatch.sources.shown import shown
from tapewatch.store.newest import Keys, keys_of

MINUTE_S = 60.0
GENERATION_S = 12 * 3600.0
"""A series that was not seen for one to two of these is forgotten and may come as a new one."""

MOST_SOURCES = 10_000
"""Sources counted apart; beyond, all others share one count under ``*``."""

_OTHERS = "*"


def _nothing() -> Keys:
    return np.empty(0, np.uint64)


@dataclass(slots=True)
class _Known:
    """The series of one source: sorted keys of this generation and of the one before, and how many began in this minute."""

    generation_s: float
    minute_s: float
    began: int = 0
    now: Keys = field(default_factory=_nothing)
    before: Keys = field(default_factory=_nothing)

    def turn(self, now_s: float) -> None:
        """Begin a new minute or generation when it is time."""
        if now_s - self.minute_s >= MINUTE_S:
            self.minute_s, self.began = now_s, 0
        if now_s - self.generation_s >= GENERATION_S:
            self.generation_s = now_s
            self.before, self.now = self.now, _nothing()

    def unseen(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which rows (n,) are of series that this generation has not seen."""
        return ~_is_in(keys, self.now)

    @property
    def count(self) -> int:
        """Series that are alive."""
        return len(self.now) + int(np.count_nonzero(~_is_in(self.before, self.now)))

    def add(self, keys: Keys) -> None:
        """Remember series; ``keys`` are sorted, distinct and not among those of this generation."""
        self.now = np.insert(self.now, np.searchsorted(self.now, keys), keys)


def _is_in(keys: Keys, among: Keys) -> npt.NDArray[np.bool_]:
    if not len(among):
        return np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(among, keys), len(among) - 1)
    return among[place] == keys


class SeriesLimit:
    """Bounds the series of each source; see `tapewatch.ingest.validate.SeriesGate`. May be used from several threads.

    Until `open` is called every series is taken as known: a restart must not make new ones of those that are alive.

    Args:
        limits_of: Gives the limits of a source.
        clock: The time.
    """

    def __init__(self, limits_of: Callable[[str], SourceLimits], clock: Clock) -> None:
        self._limits_of = limits_of
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._is_open = False
        self._lock = threading.Lock()

    def open(self) -> None:
        """From now on new series count."""
        self._is_open = True

    def learn(self, table: Table, batch: RowBatch) -> None:
        """Take stored rows as known."""
        if batch.count:
            tags = {name: values for name in table.tags if isinstance(values := batch.columns.get(name), Coded)}
            for _, known, at, keys in self._by_source(table, batch.coded("source"), tags):
                with self._lock:
                    known.add(np.unique(keys[at][known.unseen(keys[at])]))

    def excess(self, table: Table, source: Coded, tags: Mapping[str, Coded]) -> Sequence[Excess]:
        """See `SeriesGate.excess`."""
        found: list[Excess] = []
        for name, known, at, keys in self._by_source(table, source, tags):
            with self._lock:
                refused, message = self._admit(name, known, keys[at])
            if len(refused):
                rows = at[np.isin(keys[at], refused)]
                found.append(_excess(name, table, tags, rows, message))
        return found

    def count(self) -> int:
        """Series that are alive, of all sources."""
        with self._lock:
            return sum(known.count for known in self._known.values())

    def _by_source(
        self, table: Table, source: Coded, tags: Mapping[str, Coded]
    ) -> Sequence[tuple[str, _Known, npt.NDArray[np.intp], Keys]]:
        """For each source of the rows: its name, what is known of it, the positions of its rows, and the keys of all rows."""
        count = len(source)
        keys = keys_of(RowBatch(table.name, count, dict(tags)), list(tags)) ^ np.uint64(hash(table.name) & 0xFFFFFFFFFFFFFFFF)
        if len(source.values) == 1 and not source.codes.any():
            return [(source.values[0], self._of(source.values[0]), np.arange(count), keys)]
        return [
            (name, self._of(name), at, keys) for code, name in enumerate(source.values) if len(at := np.flatnonzero(source.codes == code))
        ]

    def _of(self, source: str) -> _Known:
        with self._lock:
            now_s = self._clock.monotonic_s()
            name = source if source in self._known or len(self._known) < MOST_SOURCES else _OTHERS
            known = self._known.setdefault(name, _Known(now_s, now_s))
            known.turn(now_s)
            return known

    def _admit(self, source: str, known: _Known, keys: Keys) -> tuple[Keys, str]:
        """Take series as known as far as the limits allow; gives the keys of those that they do not, and which limit it is."""
        unseen = known.unseen(keys)
        if not unseen.any():
            return _nothing(), ""
        distinct, first = np.unique(keys[unseen], return_index=True)
        is_old = _is_in(distinct, known.before)
        new, limits = distinct[~is_old], self._limits_of(source)
        in_order = new[np.argsort(first[~is_old], kind="stable")]
        held = known.count
        most = min(limits.new_series_per_min - known.began, limits.series - held) if self._is_open else len(new)
        taken = in_order[: max(0, most)]
        known.add(np.sort(np.concatenate((distinct[is_old], taken))))
        known.began += len(taken) if self._is_open else 0
        by_minute = limits.new_series_per_min - known.began <= 0
        limit = (
            f"more than {limits.new_series_per_min} new series a minute; raise sources.{source[:60]}.new_series_per_min"
            if by_minute
            else f"more than {limits.series} series; raise sources.{source[:60]}.series"
        )
        return in_order[len(taken) :], limit


def _excess(source: str, table: Table, tags: Mapping[str, Coded], rows: npt.NDArray[np.intp], limit: str) -> Excess:
    counts = {name: len(np.unique(values.codes[rows])) for name, values in tags.items()}
    order = list(tags)  # of equals the one that the rows as a whole vary most in, then the last: the first is the environment
    tag = max(order, key=lambda name: (counts[name], len(tags[name].values), order.index(name)))
    example = tags[tag].values[int(tags[tag].codes[rows[0]])]
    message = (
        f"Source {shown(source)!r} brings {limit}, or put values that are ever new into a column that is no tag. "
        f"In {table.name} tag {tag} has {counts[tag]} of them here, such as {shown(example)!r}; known series go on."
    )
    return Excess(rows, tag, message)
