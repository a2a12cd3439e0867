"""Series by number, and which of them a question is about."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Comparison, Filter
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table

Places = npt.NDArray[np.int64]
Key = tuple[str | None, ...]

_SHAPES = 500
"""Selections that are remembered."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The series that a question is about, in their groups.

    Attributes:
        series: Numbers of the series, ascending.
        groups: For each of them its group; groups are numbered in the order of their keys, nulls last.
        subjects: For each of them its subject, which several sources may measure (see `tapewatch.store.dialect.families`).
        subject_groups: For each subject its group.
        keys: For each group its words.
    """

    series: Places
    groups: Places
    subjects: Places
    subject_groups: Places
    keys: list[Key]


class SeriesIndex:
    """Numbers the series of one table, sources told apart, in the order of their first row.

    Args:
        table: Whose tags make a series.
    """

    def __init__(self, table: Table) -> None:
        self.names = (*table.tags, "source")
        self.keys: list[Key] = []
        self._places: dict[Key, int] = {}
        self._selections: dict[tuple[tuple[Filter, ...], tuple[str, ...]], tuple[int, Selection | None]] = {}

    def places(self, batch: RowBatch) -> Places:
        """For each row the number of its series; new series get the next ones."""
        columns = [column if isinstance(column := batch.columns.get(name), Coded) else None for name in self.names]
        mixed = np.zeros(batch.count, np.int64)
        for column in columns:
            if column is not None and len(column.values) + int((column.codes < 0).any()) > 1:
                mixed = mixed * (len(column.values) + 1) + (column.codes + 1)
                if mixed.max(initial=0) > 2**32:  # numbered anew: the product of many would not fit 64 bits
                    mixed = np.unique(mixed, return_inverse=True)[1].astype(np.int64)
        _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
        words = [[None] * len(first) if column is None else column.take(first).words().tolist() for column in columns]
        numbers = np.fromiter((self._place(key) for key in zip(*words, strict=True)), np.int64, len(first))
        return numbers[inverse]

    def _place(self, key: Key) -> int:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.keys)
            self.keys.append(key)
        return place

    def selection(self, filters: tuple[Filter, ...], group_by: tuple[str, ...]) -> Selection | None:
        """The series that pass; None when a filter looks at more than the tags."""
        shape = (filters, group_by)
        known = self._selections.get(shape)
        if known is None or known[0] != len(self.keys):
            if len(self._selections) >= _SHAPES:
                self._selections.clear()
            known = self._selections[shape] = len(self.keys), self._select(filters, group_by)
        return known[1]

    def _select(self, filters: Sequence[Filter], group_by: tuple[str, ...]) -> Selection | None:
        if any(item.column not in self.names for item in filters):
            return None
        tests = [(self.names.index(item.column), item, frozenset(item.values)) for item in filters]
        chosen = [number for number, key in enumerate(self.keys) if all(_passes(key[at], item, words) for at, item, words in tests)]
        by = [self.names.index(name) for name in group_by]
        of_subject = range(len(self.names) if "source" in group_by else len(self.names) - 1)
        group_keys = [tuple(self.keys[number][at] for at in by) for number in chosen]
        keys = sorted(set(group_keys), key=lambda key: [(word is None, word or "") for word in key])
        group_of = {key: i for i, key in enumerate(keys)}
        subject_of: dict[Key, int] = {}
        subjects = [subject_of.setdefault(tuple(self.keys[number][at] for at in of_subject), len(subject_of)) for number in chosen]
        groups = [group_of[key] for key in group_keys]
        subject_groups = np.zeros(len(subject_of), np.int64)
        subject_groups[subjects] = groups
        return Selection(np.array(chosen, np.int64), np.array(groups, np.int64), np.array(subjects, np.int64), subject_groups, keys)


_COMPARE: dict[Comparison, Callable[[str, str], bool]] = {
    Comparison.LT: operator.lt,
    Comparison.LE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GE: operator.ge,
}


def _passes(word: str | None, item: Filter, words: frozenset[str | float | bool]) -> bool:
    if item.comparison in {Comparison.IS_NULL, Comparison.NOT_NULL} or word is None:
        return (word is None) == (item.comparison is Comparison.IS_NULL)
    match item.comparison:
        case Comparison.IN | Comparison.EQ:
            return word in words
        case Comparison.NOT_IN | Comparison.NE:
            return word not in words
        case _:
            return _COMPARE[item.comparison](word, str(item.values[0]))
