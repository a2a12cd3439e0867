"""What statements need from an SQL engine, and what is the same in all of them: names, bound values, conditions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Filter, Query
from tapewatch.model.table import Column, Identity, Kind, Table
from tapewatch.store.dialect.statement import Binder, Form, Output

ARRIVAL = "_arrival"
"""Column that numbers rows in the order in which they came."""

_SIGNS = {
    Comparison.EQ: "=",
    Comparison.NE: "<>",
    Comparison.LT: "<",
    Comparison.LE: "<=",
    Comparison.GT: ">",
    Comparison.GE: ">=",
}


def has_arrival(table: Table) -> bool:
    """Whether rows are numbered in the order in which they came: all but measurements, of which there is one per series and moment."""
    return table.identity is not Identity.MEASUREMENT


def order_key(table: Table) -> tuple[str, ...]:
    """Columns that, behind ``ts``, put the rows of a table into one order."""
    return (ARRIVAL,) if has_arrival(table) else ("source", *table.tags)


class Dialect(ABC):
    """How one SQL engine writes what statements are made of; one subclass per engine.

    Statements read ``relation(table)``, where the engine shows all rows of a table, each identity once.
    Arguments called ``x``, ``order`` and so on are expressions; the results are expressions too unless they say otherwise.
    """

    @abstractmethod
    def storage_type(self, column: Column) -> str:
        """The engine's type for a column."""

    @abstractmethod
    def placeholder(self, name: str) -> str:
        """How a bound value is written."""

    @abstractmethod
    def key_of(self, columns: Sequence[str]) -> str:
        """One expression that is equal where all columns are; nulls count as equal."""

    @abstractmethod
    def bucket_of(self, x: str, width: str) -> str:
        """Start of the bucket that holds a time, rounded down before 1970 too."""

    @abstractmethod
    def quotient(self, x: str, divisor: str) -> str:
        """How often a whole number fits into another one that is not negative."""

    @abstractmethod
    def buckets_between(self, start: str, end: str, width: str) -> str:
        """One row per bucket that the half-open span touches: the bucket's start."""

    @abstractmethod
    def value_at_end(self, x: str, order: Sequence[str], *, newest: bool) -> str:
        """Aggregate: the value that is not null of the last (or first) row in an order."""

    @abstractmethod
    def quantile(self, x: str, fraction: float) -> str:
        """Aggregate: exact quantile with linear interpolation (R-7)."""

    @abstractmethod
    def all_true(self, x: str) -> str:
        """Aggregate: whether no value is false; null when all are null."""

    @abstractmethod
    def any_true(self, x: str) -> str:
        """Aggregate: whether a value is true; null when all are null."""

    @abstractmethod
    def any_of(self, x: str) -> str:
        """Aggregate: one of the values that are not null."""

    @abstractmethod
    def before(self, x: str, partition: str, order: str) -> str:
        """Window: the value that is not null of the closest earlier row."""

    @abstractmethod
    def sketch_entries(self, x: str) -> tuple[str, str, str]:
        """How to unfold a sketch: a row-making expression named ``_e``, then its index and its count, which may be 0."""

    @abstractmethod
    def sketch_from(self, index: str, count: str) -> str:
        """Aggregate: a sketch of its entries."""

    @abstractmethod
    def sketch_of(self, index: str) -> str:
        """Aggregate: a sketch of the indexes that are not null; null when there are none."""

    @abstractmethod
    def one_of(self, x: str, values: Sequence[int], binder: Binder) -> str:
        """Condition: equal to one of many values."""

    @abstractmethod
    def absent(self, form: Form) -> str:
        """Null, of the type that a form has."""

    def quote(self, name: str) -> str:
        """Write a name of the catalogue."""
        escaped = name.replace('"', '""')
        return f'"{escaped}"'

    def text(self, word: str) -> str:
        """Write a word of the catalogue; values of users are bound instead."""
        escaped = word.replace("'", "''")
        return f"'{escaped}'"

    def never_null(self, table: Table, name: str) -> str:
        """A column of the order of rows, with the empty word where a tag was added after the row was stored."""
        return f"coalesce({self.quote(name)}, '')" if name in table.column else self.quote(name)

    def relation(self, table: Table) -> str:
        """Where all rows of a table are read from."""
        return self.quote(table.name)

    def sources(self, table: Table, columns: Iterable[str]) -> tuple[str, ...]:
        """What has all rows of a table with these columns, one after another: for statements that need not name all columns."""
        del columns
        return (self.relation(table),)

    def value(self, binder: Binder, value: str | float | bool) -> str:  # noqa: FBT001 - a flag is a value like any other here
        """Bind a value; write its placeholder."""
        return self.placeholder(binder.bind(value))

    def condition(self, item: Filter, table: Table, binder: Binder, shift_us: int = 0) -> str:
        """One filter; a comparison with null is false."""
        name = self.quote(item.column)
        if item.comparison is Comparison.IS_NULL:
            return f"{name} IS NULL"
        if item.comparison is Comparison.NOT_NULL:
            return f"{name} IS NOT NULL"
        bound = [self.value(binder, _comparable(value, item, table, shift_us)) for value in item.values]
        if item.comparison in _SIGNS:
            return f"{name} {_SIGNS[item.comparison]} {bound[0]}"
        if not bound:
            return "FALSE" if item.comparison is Comparison.IN else f"{name} IS NOT NULL"
        return f"{name} {'IN' if item.comparison is Comparison.IN else 'NOT IN'} ({', '.join(bound)})"

    def source_rows(self, query: Query, table: Table, binder: Binder, columns: Iterable[str], *, before_us: int = 0) -> str:
        """SELECT ``ts`` and ``columns`` of the rows in the range, and ``before_us`` microseconds before it, that pass the filters.

        ``ts`` of a shifted question is already moved to the range that was asked.
        """
        start_us, end_us = query.start_us - query.shift_us - before_us, query.end_us - query.shift_us
        moved = f"rows.ts + {self.value(binder, query.shift_us)} AS ts" if query.shift_us else "rows.ts"
        names = [name for name in dict.fromkeys(columns) if name != "ts"]
        selected = ", ".join((moved, *map(self.quote, names)))
        where = [f"rows.ts >= {self.value(binder, start_us)}", f"rows.ts < {self.value(binder, end_us)}"]
        where += [self.condition(item, table, binder, query.shift_us) for item in query.filters]
        return self.select(selected, table, (*names, *(item.column for item in query.filters)), " AND ".join(where))

    def select(self, selected: str, table: Table, columns: Iterable[str], where: str) -> str:
        """SELECT from all rows of a table, called ``rows``; ``columns`` are all that the expressions and the condition name."""
        return " UNION ALL ".join(f"SELECT {selected} FROM {source} AS rows WHERE {where}" for source in self.sources(table, columns))

    def order(self, order_by: str, outputs: Sequence[Output], otherwise: Sequence[str]) -> str:
        """ORDER BY terms: the asked column first, nulls last, then ``otherwise`` so that equal values keep one order.

        Raises:
            QueryError: The column is not one of the answer's.
        """
        terms = list(otherwise)
        if order_by:
            name = order_by.removeprefix("-")
            labels = {output.name: output.label for output in outputs if output.form is not Form.SKETCH}
            if name not in labels:
                raise QueryError(f"the answer has no column {name!r} to order by; it has {', '.join(labels)}", position="order_by")
            terms.insert(0, f"{labels[name]} {'DESC' if order_by.startswith('-') else 'ASC'} NULLS LAST")
        return ", ".join(terms) or "1"

    def limit(self, query: Query) -> str:
        """LIMIT clause with one row more than asked, which tells whether something was cut."""
        return "" if query.limit is None else f" LIMIT {query.limit + 1}"


def _comparable(value: str | float | bool, item: Filter, table: Table, shift_us: int) -> str | float | bool:  # noqa: FBT001 - as above
    """Times compare as whole microseconds, so that the engine can skip what is out of range."""
    if table.column[item.column].kind is not Kind.TIME:
        return value
    if isinstance(value, (str, bool)):
        raise QueryError(f"{item.column} holds microseconds since 1970; {value!r} is not a number", position="filters")
    moved = value - shift_us if item.column == "ts" else value
    return int(moved) if moved == int(moved) else moved
