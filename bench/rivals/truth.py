"""What the right answers are, computed from the rows as they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.rivals.question import ONE_SYMBOL, ONE_VENUE, SLOWEST, WIDE_BUCKET_S, Answer, Kind, Question
from tapewatch.model.rows import Coded, TypedColumn

US_PER_S = 1_000_000
Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Told:
    """All rows of one table, in time order."""

    ts_us: Values
    columns: dict[str, TypedColumn]

    def of(self, question: Question) -> Told:
        """Only the rows of the question's span."""
        first, last = np.searchsorted(self.ts_us, [question.start_s * US_PER_S, question.end_s * US_PER_S])
        index = np.arange(int(first), int(last))
        return Told(self.ts_us[index], {name: _taken(column, index) for name, column in self.columns.items()})

    def words(self, name: str) -> Coded:
        """A column of words."""
        column = self.columns[name]
        if not isinstance(column, Coded):
            raise TypeError(f"{name} is a column of numbers")
        return column

    def numbers(self, name: str) -> Values:
        """A column of numbers."""
        return np.asarray(self.columns[name])


def truth(all_rows: Mapping[str, Told], question: Question) -> Answer:
    """The right answer to a question."""
    told = all_rows[question.table].of(question)
    minute = told.ts_us // US_PER_S // 60 * 60
    match question.kind:
        case Kind.VENUES:
            return grouped((told.words("venue"), minute), told.numbers("latency_ms"), ("avg", "max"))
        case Kind.TYPES:
            return grouped((told.words("data_type"), minute), told.numbers("records"), ("sum",))
        case Kind.MARKET:
            ours = _is(told.words("venue"), ONE_VENUE) & _is(told.words("symbol"), ONE_SYMBOL)
            bucket = told.ts_us[ours] // US_PER_S // WIDE_BUCKET_S * WIDE_BUCKET_S
            return grouped((bucket,), told.numbers("latency_ms")[ours], ("avg", "max"))
        case Kind.SLOWEST:
            means = grouped((told.words("symbol"),), told.numbers("latency_ms"), ("avg",))
            return dict(sorted(means.items(), key=lambda item: -item[1][0])[:SLOWEST])
        case Kind.NEWEST:
            last = {str(word): row for row, word in enumerate(told.words("process"))}
            cpu, rss = told.numbers("cpu_ratio"), told.numbers("rss_bytes")
            return {(name,): (float(cpu[row]), float(rss[row])) for name, row in last.items()}
        case _:
            return {(): (float(len(told.ts_us)),)}


def grouped(keys: tuple[Coded | Values, ...], values: Values, measures: tuple[str, ...]) -> Answer:
    """Measures (avg, max, sum) of the values of each combination of keys."""
    stacked = np.stack([key.codes.astype(np.int64) if isinstance(key, Coded) else key for key in keys])
    groups, place = np.unique(stacked, axis=1, return_inverse=True)
    place = place.reshape(-1)
    sums = np.bincount(place, values)
    most = np.full(groups.shape[1], -np.inf)
    np.maximum.at(most, place, values)
    made = {"sum": sums, "avg": sums / np.bincount(place), "max": most}
    return {
        tuple(of.values[code] if isinstance(of, Coded) else code for of, code in zip(keys, group, strict=True)): tuple(
            float(made[measure][row]) for measure in measures
        )
        for row, group in enumerate(groups.T.tolist())
    }


def _taken(column: TypedColumn, index: Values) -> TypedColumn:
    return column.take(index) if isinstance(column, Coded) else column[index]


def _is(column: Coded, word: str) -> Values:
    return column.codes == column.values.index(word)
