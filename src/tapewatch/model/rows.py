"""Rows on their way: as they came (`RawBatch`), as they were accepted (`RowBatch`), and who sent them (`Delivery`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tapewatch.errors import ContractError

NULL_TIME = -(2**63)
NULL_FLAG = -1
NULL_CODE = -1

FIRST_US = 10**14
"""March 1973: smaller times have the size of milliseconds or seconds."""

END_US = 10**17
"""The year 5138: larger times have the size of nanoseconds."""

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Flags = npt.NDArray[np.int8]
Codes = npt.NDArray[np.int32]
Sketches = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Coded:
    """Dictionary-coded words: ``codes`` (int32, n; -1 = null) point into ``values``."""

    codes: Codes
    values: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, place: int) -> str | None:
        code = int(self.codes[place])
        return None if code < 0 else self.values[code]

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.words().tolist())

    @classmethod
    def of(cls, words: Sequence[str | None]) -> Coded:
        """Code a sequence of words; None becomes null."""
        distinct = dict.fromkeys(words)
        distinct.pop(None, None)
        lookup: dict[str | None, int] = {word: i for i, word in enumerate(distinct)}
        lookup[None] = NULL_CODE
        codes = np.fromiter(map(lookup.__getitem__, words), np.int32, len(words))
        return cls(codes, tuple(word for word in distinct if word is not None))

    @classmethod
    def constant(cls, word: str | None, count: int) -> Coded:
        """Repeat one word ``count`` times."""
        code = NULL_CODE if word is None else 0
        return cls(np.full(count, code, np.int32), () if word is None else (word,))

    @classmethod
    def joined(cls, parts: Sequence[Coded]) -> Coded:
        """The rows of several columns, one after another; the words of the first keep their codes."""
        first = parts[0].values
        if all(part.values is first or part.values == first for part in parts):
            return cls(np.concatenate([part.codes for part in parts]), first)
        lookup = {word: i for i, word in enumerate(first)}
        codes: list[Codes] = []
        for part in parts:
            places = [lookup.setdefault(word, len(lookup)) for word in part.values]
            codes.append(np.array([*places, NULL_CODE], np.int32)[part.codes])
        return cls(np.concatenate(codes), tuple(lookup))

    def words(self) -> npt.NDArray[np.object_]:
        """Decode into an object array of str or None, shape (n,)."""
        lookup = np.empty(len(self.values) + 1, dtype=np.object_)
        lookup[: len(self.values)] = self.values
        lookup[-1] = None
        decoded: npt.NDArray[np.object_] = lookup[self.codes]
        return decoded

    def take(self, index: npt.NDArray[Any]) -> Coded:
        """Select rows by position or mask."""
        return Coded(self.codes[index], self.values)


RawColumn = list[Any] | npt.NDArray[Any] | Coded


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Rows of one table as they came: columns of untyped values, all of the same length; words may come coded.

    Attributes:
        table: Name of the table, known or not.
        columns: Column name to values; None stands for a missing value.
        period_s: Seconds between two rows of a series, when the sender declares it.
        positions: Where each row stood in the body it came in, when a receiver took the body apart; None for 0, 1, 2 …
    """

    table: str
    columns: dict[str, RawColumn]
    period_s: float | None = None
    positions: Sequence[int] | None = None

    @classmethod
    def of(cls, table: str, rows: Iterable[Mapping[str, Any]], *, period_s: float | None = None) -> RawBatch:
        """Build a batch from row mappings; a key that a row lacks becomes None."""
        held = list(rows)
        names: dict[str, None] = {}
        for row in held:
            names.update(dict.fromkeys(row))
        return cls(table, {name: [row.get(name) for row in held] for name in names}, period_s)

    @property
    def count(self) -> int:
        """Number of rows."""
        for values in self.columns.values():
            return len(values)
        return 0

    def rows(self) -> list[dict[str, Any]]:
        """Give the rows back as mappings, without the missing values."""
        names = list(self.columns)
        return [
            {name: value for name, value in zip(names, values, strict=True) if value is not None}
            for values in zip(*self.columns.values(), strict=True)
        ]


TypedColumn = Floats | Times | Flags | Sketches | Coded


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Accepted rows of one table, made only by `tapewatch.ingest`.

    Attributes:
        table: Name of the table.
        count: Number of rows, n.
        columns: Every column of the table that has a value, ``ts received_at source env`` always.
            Gauge, counter and interval: float64 (n,), NaN = null. Time: int64 (n,) microseconds, `NULL_TIME` = null.
            Flag: int8 (n,), -1 = null. Tag, state, text, id: `Coded`. Sketch: object (n,) of dict[int, int] or None.
        period_s: Seconds between two rows of a series, when the sender declares it.
    """

    table: str
    count: int
    columns: dict[str, TypedColumn]
    period_s: float | None = None

    def __post_init__(self) -> None:
        for name, values in self.columns.items():
            if len(values) != self.count:
                raise ContractError(f"batch of {self.table}: column {name} has {len(values)} values for {self.count} rows")

    @classmethod
    def joined(cls, batches: Sequence[RowBatch]) -> RowBatch:
        """The rows of several batches of one table, one after another; null where a batch lacks a column."""
        if len(batches) == 1:
            return batches[0]
        names = dict.fromkeys(name for batch in batches for name in batch.columns)
        columns = {name: _column([batch.columns.get(name) for batch in batches], [batch.count for batch in batches]) for name in names}
        return cls(batches[0].table, sum(batch.count for batch in batches), columns, batches[-1].period_s)

    def take(self, index: npt.NDArray[Any]) -> RowBatch:
        """Select rows by position or boolean mask."""
        picked: dict[str, TypedColumn] = {
            name: values.take(index) if isinstance(values, Coded) else values[index] for name, values in self.columns.items()
        }
        count = int(np.count_nonzero(index)) if index.dtype == np.bool_ else len(index)
        return RowBatch(self.table, count, picked, self.period_s)

    def coded(self, name: str) -> Coded:
        """A word column by name.

        Raises:
            ContractError: The column is missing or of another kind.
        """
        values = self.columns.get(name)
        if not isinstance(values, Coded):
            raise ContractError(f"batch of {self.table}: {name} is not a word column")
        return values

    def array(self, name: str) -> npt.NDArray[Any]:
        """A numeric, time, flag or sketch column by name.

        Raises:
            ContractError: The column is missing or of another kind.
        """
        values = self.columns.get(name)
        if values is None or isinstance(values, Coded):
            raise ContractError(f"batch of {self.table}: {name} is not an array column")
        return values


def joined(parts: Sequence[TypedColumn]) -> TypedColumn:
    """The rows of several columns of one form, one after another."""
    if isinstance(parts[0], Coded):
        return Coded.joined([part for part in parts if isinstance(part, Coded)])
    return cast("Floats", np.concatenate([part for part in parts if not isinstance(part, Coded)]))


def _column(parts: Sequence[TypedColumn | None], counts: Sequence[int]) -> TypedColumn:
    model = next(part for part in parts if part is not None)
    return joined([_nulls(model, count) if part is None else part for part, count in zip(parts, counts, strict=True)])


def _nulls(model: TypedColumn, count: int) -> TypedColumn:
    """So many nulls in the form of a column."""
    if isinstance(model, Coded):
        return Coded.constant(None, count)
    null: dict[str, float | int | None] = {"f": np.nan, "i": NULL_FLAG if model.dtype == np.int8 else NULL_TIME, "O": None}
    return cast("Floats", np.full(count, null[model.dtype.kind], model.dtype))


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Proof of delivery: the client's id and the sequence number of its batch, from 1."""

    client: str
    sequence: int


@dataclass(frozen=True, slots=True, order=True)
class BodyMark:
    """Proof of delivery of a sender that numbers nothing: the digest of its body, and when the body was received, in microseconds.

    It is known for ten minutes: long enough for a retry, and short enough to be kept in memory. One that waited in the spool is
    remembered from ``received_us`` on, and is known as well when it was at ``first_us``, when it came.
    """

    digest: str
    received_us: int
    first_us: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one sender handed over at once: all of it becomes durable together, or nothing.

    Attributes:
        batches: Rows of any tables.
        source: Stable, configured name of the sender; a row's own ``source`` wins.
        env: Environment of rows that do not say.
        host: Host of rows that do not say; None when the sender does not know.
        mark: Present when the sender can repeat itself.
        size_bytes: Bytes of the body it came in, unpacked; 0 when it came another way.
        bound_to: The only source its rows may name, because the sender proved to be that one; None when any may be named.
        barred: Sources that its rows may not name, because these have tokens and the sender has shown none.
        is_own: Whether the server itself made it: no limit of a source holds for it.
    """

    batches: tuple[RawBatch, ...]
    source: str
    env: str = "live"
    host: str | None = None
    mark: Mark | BodyMark | None = field(default=None)
    size_bytes: int = 0
    bound_to: str | None = None
    barred: frozenset[str] = frozenset()
    is_own: bool = False
