"""DuckDB's dialect: a hot table in arrival order and a cold one in the order of its tags, packed, seen together as one view."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Column, Table
from tapewatch.store.dialect.base import ARRIVAL, Dialect, has_arrival
from tapewatch.store.dialect.books import BookStatements
from tapewatch.store.dialect.packing import ENTRIES, PACKED, can_be_packed, packed, unpacked, unpacked_value
from tapewatch.store.dialect.statement import Binder, Form, form_of

_TYPES = {Form.NUMBER: "DOUBLE", Form.TIME: "BIGINT", Form.FLAG: "BOOLEAN", Form.WORD: "VARCHAR", Form.SKETCH: ENTRIES}
_COUNTED = "MAP(BIGINT, BIGINT)"
"""A sketch as it is staged, and as the engine counts one; its entries are what is kept."""

HOT, COLD = "hot", "cold"
AREAS = (HOT, COLD)
"""Schemas that hold the rows of every table."""

_COPY = "copied"


class DuckDBDialect(BookStatements, Dialect):
    """Expressions for DuckDB 2, and the statements by which `DuckDBStore` defines, fills and tidies its tables.

    Args:
        area: Read questions from this area alone; empty: from both, which costs more to plan.
    """

    def __init__(self, area: str = "") -> None:
        self._area = area

    # --- expressions -------------------------------------------------------------------------------------------------

    def storage_type(self, column: Column) -> str:
        return _TYPES[form_of(column)]

    def placeholder(self, name: str) -> str:
        return f"${name}"

    def key_of(self, columns: Sequence[str]) -> str:
        # A 64-bit hash groups twice as fast as the words do; two of a million series share one with probability 3e-8.
        return f"hash({', '.join(columns)})"

    def bucket_of(self, x: str, width: str) -> str:
        return f"({x} - (({x} % {width}) + {width}) % {width})"

    def quotient(self, x: str, divisor: str) -> str:
        return f"{x} // {divisor}"

    def buckets_between(self, start: str, end: str, width: str) -> str:
        return f"unnest(range({self.bucket_of(start, width)}, {end}, {width}))"

    def value_at_end(self, x: str, order: Sequence[str], *, newest: bool) -> str:
        return f"{'arg_max' if newest else 'arg_min'}({x}, row({', '.join(order)}))"

    def quantile(self, x: str, fraction: float) -> str:
        return f"quantile_cont({x}, {fraction!r})"

    def all_true(self, x: str) -> str:
        return f"bool_and({x})"

    def any_true(self, x: str) -> str:
        return f"bool_or({x})"

    def any_of(self, x: str) -> str:
        return f"any_value({x})"

    def before(self, x: str, partition: str, order: str) -> str:
        return f"lag({x} IGNORE NULLS) OVER (PARTITION BY {partition} ORDER BY {order})"

    def sketch_entries(self, x: str) -> tuple[str, str, str]:
        return f"unnest({x})", "_e.key", "_e.value"

    def sketch_from(self, index: str, count: str) -> str:
        return f"list(struct_pack(key := CAST({index} AS BIGINT), value := CAST({count} AS BIGINT)) ORDER BY {index})"

    def sketch_of(self, index: str) -> str:
        return f"map_entries(CAST(histogram({index}) AS {_COUNTED}))"

    def one_of(self, x: str, values: Sequence[int], binder: Binder) -> str:
        return f"{x} IN (SELECT unnest(CAST({self.placeholder(binder.bind_list(values))} AS BIGINT[])))"

    def absent(self, form: Form) -> str:
        return f"CAST(NULL AS {_TYPES[form]})"

    def relation(self, table: Table) -> str:
        return f"{self._area}.{self.quote(table.name)}" if self._area else self.quote(table.name)

    def sources(self, table: Table, columns: Iterable[str]) -> tuple[str, ...]:
        # The view would have the engine look at every column of the table, whatever is asked: most of the time of a short question.
        if self._area:
            return (self.relation(table),)
        return (self._cold_rows(table, dict.fromkeys(("ts", *columns))), f"{HOT}.{self.quote(table.name)}")

    def _cold_rows(self, table: Table, columns: Iterable[str]) -> str:
        name, kinds = self.quote(table.name), {column.name: str(column.kind) for column in table.all_columns}
        values = {column: unpacked_value(column, kinds, self.quote) for column in columns}
        if not any(values.values()):
            return f"{COLD}.{name}"
        picked = (self.quote(column) if x is None else f"{x} AS {self.quote(column)}" for column, x in values.items())
        return f"(SELECT {', '.join(picked)} FROM {COLD}.{name})"

    # --- definitions -------------------------------------------------------------------------------------------------

    def create(self, table: Table) -> list[str]:
        """Make both tables and the view."""
        made: list[str] = []
        for area in AREAS:
            columns = [f"{self.quote(column.name)} {self._held_type(column, area)}" for column in table.all_columns]
            if has_arrival(table):
                columns.append(f"{ARRIVAL} BIGINT")
            made.append(f"CREATE TABLE {area}.{self.quote(table.name)} ({', '.join(columns)})")
        return [*made, self.view(table.name, {column.name: str(column.kind) for column in table.all_columns})]

    def add(self, table: Table, columns: Sequence[Column], kinds: Mapping[str, str]) -> list[str]:
        """Add columns to both tables and show them in the view, beside those that are there with these kinds."""
        return [
            *(
                f"ALTER TABLE {area}.{self.quote(table.name)} ADD COLUMN {self.quote(column.name)} {self._held_type(column, area)}"
                for area in AREAS
                for column in columns
            ),
            self.view(table.name, {**kinds, **{column.name: str(column.kind) for column in columns}}),
        ]

    def _held_type(self, column: Column, area: str) -> str:
        return PACKED if area == COLD and form_of(column) is Form.SKETCH else self.storage_type(column)

    def view(self, name: str, kinds: Mapping[str, str]) -> str:
        """Make the view over both tables anew: a view keeps the columns that it was made with."""
        quoted = self.quote(name)
        cold = unpacked(kinds, self.quote, f"{COLD}.{quoted}")
        return f"CREATE OR REPLACE VIEW {quoted} AS {cold} UNION ALL BY NAME SELECT * FROM {HOT}.{quoted}"

    # --- what there is -------------------------------------------------------------------------------------------------

    def sizes(self) -> str:
        """Rows per table, as far as the engine knows without counting."""
        where = f"database_name = current_database() AND schema_name IN ('{HOT}', '{COLD}')"
        return f"SELECT table_name, sum(estimated_size) FROM duckdb_tables() WHERE {where} GROUP BY 1"

    def used_bytes(self) -> str:
        """Bytes of the file that hold something; what was deleted is used again and not counted."""
        return "SELECT used_blocks * block_size FROM pragma_database_size()"

    def hot_sizes(self) -> str:
        """Rows per hot table, as far as the engine knows without counting."""
        where = f"database_name = current_database() AND schema_name = '{HOT}'"
        return f"SELECT table_name, estimated_size FROM duckdb_tables() WHERE {where}"

    # --- copies ------------------------------------------------------------------------------------------------------

    def parts(self) -> str:
        """Schema and name of every table of the database that is in use, books included."""
        return "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() ORDER BY 1, 2"

    def count(self, schema: str, name: str) -> str:
        """Rows of one table, exact."""
        return f"SELECT count(*) FROM {self.quote(schema)}.{self.quote(name)}"

    def attach(self, path: str) -> str:
        """Open a second file beside the first, under the name that `copy_all` writes to."""
        escaped = path.replace("'", "''")
        return f"ATTACH '{escaped}' AS {_COPY}"

    def copy_all(self, database: str) -> str:
        """Copy schemas, tables, rows and views into the attached file."""
        return f"COPY FROM DATABASE {self.quote(database)} TO {_COPY}"

    def write_back_copy(self) -> str:
        """Write the log of the attached file back into it."""
        return f"CHECKPOINT {_COPY}"

    def detach(self) -> str:
        """Close the attached file."""
        return f"DETACH {_COPY}"

    # --- rows --------------------------------------------------------------------------------------------------------

    def insert(
        self, table: Table, forms: Mapping[str, Form], constants: Collection[str], staged: str, whole: Collection[str] = frozenset()
    ) -> str:
        """Take staged rows into the hot table.

        ``constants`` are the columns that a bound value called like them gives, ``whole`` those that stand as the table holds them.
        """
        values = ", ".join(self.quote(name) if name in whole else self._staged(name, form, constants) for name, form in forms.items())
        return f"INSERT INTO {HOT}.{self.quote(table.name)} ({self.names(forms)}) SELECT {values} FROM {staged}"

    def _staged(self, name: str, form: Form, constants: Collection[str]) -> str:
        """One staged column as the table holds it; see `tapewatch.store.backends.duckdb.staging`."""
        x = f"${name}" if name in constants else self.quote(name)
        match form:
            case Form.TIME:
                return f"CASE WHEN {x} > {NULL_TIME} THEN {x} END"
            case Form.FLAG:
                return f"CASE {x} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
            case Form.SKETCH:
                return f"map_entries(CAST({x} AS {_COUNTED}))"
            case _:
                return x

    def largest(self, table: Table, column: str) -> str:
        """Largest value of a column that lies as it is; null when there are no rows."""
        return f"SELECT max(x) FROM ({self._of_each(table, f'max({self.quote(column)}) AS x')}) AS of_each"

    def newest_of(self, table: Table, count: int) -> str:
        """``ts`` of the last of so many newest rows before ``$before``; of the oldest where there are fewer, null where there are none."""
        before = f"SELECT ts FROM {self.relation(table)} WHERE ts < $before ORDER BY ts DESC LIMIT {count}"
        return f"SELECT min(ts) FROM ({before}) AS newest"

    def count_between(self, table: Table) -> str:
        """How many rows there are from ``$start`` on and before ``$end``."""
        return f"SELECT count(*) FROM {self.relation(table)} AS rows WHERE ts >= $start AND ts < $end"

    def next_at(self, table: Table) -> str:
        """Smallest ``ts`` from ``$from`` on; null when there is none."""
        return f"SELECT min(ts) FROM {self.relation(table)} WHERE ts >= $from"

    def reach(self, table: Table) -> str:
        """Smallest and largest ``ts``, null when there are no rows, and how many rows there are."""
        ends = "min(ts) AS first, max(ts) AS last, count(*) AS rows"
        return f"SELECT min(first), max(last), CAST(sum(rows) AS BIGINT) FROM ({self._of_each(table, ends)}) AS of_each"

    def _of_each(self, table: Table, selected: str) -> str:
        """Aggregates of each area by itself: the engine knows them without reading a row."""
        areas = (self._area,) if self._area else AREAS
        return " UNION ALL ".join(f"SELECT {selected} FROM {area}.{self.quote(table.name)}" for area in areas)

    def moments_before(self, table: Table) -> str:
        """Each ``ts`` before ``$before``, ascending, and how many rows have it."""
        return f"SELECT ts, count(*) FROM {self.relation(table)} WHERE ts < $before GROUP BY ts ORDER BY ts"

    def between(self, table: Table) -> str:
        """All columns of the rows with ``ts`` in [``$start``, ``$end``)."""
        return f"SELECT {self.names([*table.column])} FROM {self.relation(table)} WHERE ts >= $start AND ts < $end"

    def pin(self, table: Table) -> str:
        """Reads nothing, but fixes what the transaction sees of a table."""
        return f"SELECT 1 FROM {HOT}.{self.quote(table.name)} LIMIT 0"

    def insert_from(self, table: Table, rows: str) -> str:
        """Take the rows of a SELECT into the hot table."""
        return f"INSERT INTO {HOT}.{self.quote(table.name)} BY NAME {rows}"

    def delete_between(self, table: Table, area: str) -> str:
        """Delete the rows of one area with ``ts`` in [``$start``, ``$end``)."""
        return f"DELETE FROM {area}.{self.quote(table.name)} WHERE ts >= $start AND ts < $end"

    def newest_cold(self, table: Table) -> str:
        """Newest ``ts`` of the cold table; null when it is empty."""
        return f"SELECT max(ts) FROM {COLD}.{self.quote(table.name)}"

    def same_rows(self, table: Table, forms: Mapping[str, Form], constants: Collection[str], staged: str) -> str:
        """For staged rows, by ``_place``, whose identity is stored: when that was received. ``$_low`` and ``$_high`` bound its ``ts``."""
        came = f"SELECT _place, {self._named(forms, constants)} FROM {staged}"
        return (
            f"SELECT _place, max(held.received_at) AS _received FROM ({came}) AS came"
            f" JOIN {self.quote(table.name)} AS held ON {self._same(forms)} WHERE held.ts >= $_low AND held.ts <= $_high GROUP BY _place"
        )

    def delete_same(self, area: str, table: Table, forms: Mapping[str, Form], constants: Collection[str], staged: str) -> str:
        """Delete from one area the rows that have the identity of a staged one."""
        came = f"SELECT {self._named(forms, constants)} FROM {staged}"
        return (
            f"DELETE FROM {area}.{self.quote(table.name)} AS held USING ({came}) AS came"
            f" WHERE {self._same(forms)} AND held.ts >= $_low AND held.ts <= $_high"
        )

    def _named(self, forms: Mapping[str, Form], constants: Collection[str]) -> str:
        return ", ".join(f"{self._staged(name, form, constants)} AS {self.quote(name)}" for name, form in forms.items())

    def _same(self, columns: Iterable[str]) -> str:
        return " AND ".join(f"held.{self.quote(name)} IS NOT DISTINCT FROM came.{self.quote(name)}" for name in columns)

    def names(self, columns: Sequence[str] | Mapping[str, Form]) -> str:
        """Several names, comma between."""
        return ", ".join(self.quote(column) for column in columns)

    def move(self, table: Table, kinds: Mapping[str, str], piece: int = 0, pieces: int = 1) -> tuple[str, str]:
        """Copy the hot rows before ``$before``, packed, into the cold table in the order of their tags; delete them from the hot one.

        ``kinds`` are those of all columns. Of several pieces each has whole series, so that they stay together. Rows that cannot be packed
        stay where they are.
        """
        name = self.quote(table.name)
        where = f"ts < $before AND {can_be_packed(kinds, self.quote)}{self._of_piece(table, piece, pieces)}"
        rows = packed(kinds, self.quote, f"(SELECT * FROM {HOT}.{name} WHERE {where}) AS moving")
        copy = f"INSERT INTO {COLD}.{name} BY NAME {rows} ORDER BY {self._by_tags(table)}"
        return copy, f"DELETE FROM {HOT}.{name} WHERE {where}"

    def largest_series(self, table: Table) -> str:
        """How many of the rows that `count_between` counts the largest series has; null when there are none."""
        return f"SELECT max(n) FROM ({self.count_between(table)} GROUP BY {self._series(table)}) AS of_series (n)"

    def last_cold(self, table: Table) -> str:
        """Number of the last cold row with ``ts`` in [``$start``, ``$end``), null when there is none."""
        return f"SELECT max(rowid) FROM {COLD}.{self.quote(table.name)} WHERE ts >= $start AND ts < $end"

    def sort_cold(self, table: Table, piece: int = 0, pieces: int = 1) -> tuple[str, str]:
        """Copy cold rows with ``ts`` in [``$start``, ``$end``) to the end of the table, in the order of their tags; delete the old ones.

        Those are up to row number ``$last``, as `last_cold` gives it. Pieces are as those of `move`.
        """
        name = self.quote(table.name)
        where = f"ts >= $start AND ts < $end AND rowid <= $last{self._of_piece(table, piece, pieces)}"
        rows = f"SELECT * FROM {COLD}.{name} WHERE {where}"
        return f"INSERT INTO {COLD}.{name} {rows} ORDER BY {self._by_tags(table)}", f"DELETE FROM {COLD}.{name} WHERE {where}"

    def _by_tags(self, table: Table) -> str:
        return self.names((*table.tags, "source", "ts"))

    def _series(self, table: Table) -> str:
        return self.key_of([self.quote(tag) for tag in (*table.tags, "source")])

    def _of_piece(self, table: Table, piece: int, pieces: int) -> str:
        """A further condition, when there are several pieces."""
        return f" AND {self._series(table)} % {pieces} = {piece}" if pieces > 1 else ""

    def moments_between(self, table: Table, pieces: int) -> str:
        """The moments that part the hot rows before ``$before`` into about equal pieces, as one list."""
        shares = ", ".join(str(piece / pieces) for piece in range(1, pieces))
        return f"SELECT approx_quantile(ts, [{shares}]) FROM {HOT}.{self.quote(table.name)} WHERE ts < $before"

    def delete_before(self, table: Table, area: str) -> str:
        """Delete the rows of one area with ``ts`` before ``$before``."""
        return f"DELETE FROM {area}.{self.quote(table.name)} WHERE ts < $before"
