"""The format of the file: a newer one is refused, an older one is kept beside and brought up to date on a copy."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tapewatch.errors import ConfigError
from tapewatch.model.table import Kind
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.dialect.packing import all_but, packed
from tapewatch.store.durable import sync

FIRST_FORMAT = 1

Config = Mapping[str, str | bool | int | float | list[str]]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a format to the next.

    Attributes:
        sentence: What the new format has that the old one had not.
        apply: Changes the file; it may commit as often as it likes, because it works on a copy. The number is raised by whoever calls it.
    """

    sentence: str
    apply: Callable[[duckdb.DuckDBPyConnection], None]


def _summaries(connection: duckdb.DuckDBPyConnection) -> None:
    """Books of the summaries; a version that does not know them would leave them behind the rows."""
    connection.execute("CREATE TABLE books.tiers (table_name VARCHAR, label VARCHAR, since_us BIGINT, until_us BIGINT)")
    connection.execute("CREATE TABLE books.late (table_name VARCHAR, start_us BIGINT)")
    connection.execute("CREATE TABLE books.dropped (table_name VARCHAR, before_us BIGINT)")


_ENTRIES = "STRUCT(key BIGINT, value BIGINT)[]"
_DIALECT = DuckDBDialect()
_VALUES_AT_ONCE, _VALUES_OF_SKETCH, _FEWEST_ROWS = 4_000_000, 30, 2_000
"""Values that are written again at once; a sketch takes the memory of so many."""


def _packing(connection: duckdb.DuckDBPyConnection) -> None:
    """Sketches were maps, and cold rows lay as hot ones do. Each table is written again, in its order; the next one takes its space."""
    kinds: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute("SELECT table_name, column_name, kind FROM books.kinds").fetchall():
        kinds.setdefault(table, {})[column] = kind
    for name, held in kinds.items():
        quoted = _DIALECT.quote(name)
        sketches = {column: _DIALECT.quote(column) for column, kind in held.items() if kind == Kind.SKETCH}
        entries = {column: f"CAST(map_entries({x}) AS {_ENTRIES})" for column, x in sketches.items()}
        rows = (
            f"SELECT {all_but(entries, _DIALECT.quote)} FROM {{area}}.{quoted} WHERE rowid >= {{start}} AND rowid < {{end}} ORDER BY rowid"
        )
        step = max(_FEWEST_ROWS, _VALUES_AT_ONCE // (len(held) + _VALUES_OF_SKETCH * len(sketches)))
        _write_again(connection, "hot", quoted, rows, step)
        _write_again(connection, "cold", quoted, packed(held, _DIALECT.quote, f"({rows}) AS rows"), step)
        connection.execute(_DIALECT.view(name, held))


def _write_again(connection: duckdb.DuckDBPyConnection, area: str, quoted: str, rows: str, step: int) -> None:
    """Copy a table in its order, ``step`` rows at once: all of them would not fit the memory of the engine."""
    connection.execute(f"CREATE TABLE {area}._again AS {rows.format(area=area, start=0, end=0)}")
    (last,) = connection.execute(f"SELECT coalesce(max(rowid), -1) FROM {area}.{quoted}").fetchone() or (-1,)
    for start in range(0, last + 1, step):
        connection.execute(f"INSERT INTO {area}._again {rows.format(area=area, start=start, end=start + step)}")
        connection.execute("CHECKPOINT")
    connection.execute(f"DROP TABLE {area}.{quoted}")
    connection.execute(f"ALTER TABLE {area}._again RENAME TO {quoted}")
    connection.execute("CHECKPOINT")


MIGRATIONS: tuple[Migration, ...] = (
    Migration("Rows have summaries of 10 s, 1 min, 10 min and 1 h.", _summaries),
    Migration("Rows of the past lie packed.", _packing),
)
"""In order: the first one leads from format 1 to 2. A released one never changes and never goes away."""


def newest_format(migrations: Sequence[Migration]) -> int:
    """The format that these migrations lead to; new files begin with it."""
    return FIRST_FORMAT + len(migrations)


def format_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The format that an open file says it has; None for a file without one, such as a new one."""
    where = "database_name = current_database() AND schema_name = 'books' AND table_name = 'format'"
    known = connection.execute(f"SELECT 1 FROM duckdb_tables() WHERE {where}").fetchone()
    found = connection.execute("SELECT max(version) FROM books.format").fetchone() if known else None
    return found[0] if found else None


def refuse_newer(path: Path, found: int | None, migrations: Sequence[Migration]) -> None:
    """Leave a file alone that a later tapewatch wrote.

    Raises:
        ConfigError: It has a newer format.
    """
    newest = newest_format(migrations)
    if found is not None and found > newest:
        raise ConfigError(
            f"data: {path} has store format {found}, this tapewatch reads up to {newest};"
            " use the version that wrote it or another data directory"
        )


def bring_up_to_date(path: Path, found: int, config: Config, migrations: Sequence[Migration]) -> Path:
    """Migrate a closed file whose log is written back; give the name under which the old one is kept beside it.

    Everything happens on a copy, which takes the real name in one step when it is complete: whenever this is interrupted,
    the file under the real name is the old one, whole, and the next call begins again.

    Args:
        path: The file.
        found: Its format.
        config: How the engine opens it.
        migrations: All of them, from format 1.

    Raises:
        ConfigError: There is no room for the copy, or the format is older than any that can be migrated.
    """
    if found < FIRST_FORMAT:
        raise ConfigError(f"data: {path} has store format {found}, which no tapewatch wrote; restore a backup or choose another directory")
    copy, kept = path.with_name(f"{path.name}.migrating"), path.with_name(f"{path.name}.format-{found}")
    _discard(copy)
    needed, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        raise ConfigError(
            f"data: {path} has store format {found} and is migrated on a copy, for which {needed >> 20} MB are needed"
            f" and {free >> 20} MB are free; free some space"
        )
    try:
        shutil.copyfile(path, copy)
        with contextlib.closing(duckdb.connect(copy, config=dict(config))) as connection:
            for number, migration in enumerate(migrations[found - FIRST_FORMAT :], found + 1):
                migration.apply(connection)
                connection.execute("UPDATE books.format SET version = $number", {"number": number})
            connection.execute("CHECKPOINT")
        sync(copy)
    except (OSError, duckdb.Error) as problem:
        _discard(copy)
        raise ConfigError(
            f"data: {path} could not be migrated from store format {found} and is as it was: {str(problem).partition(chr(10))[0]}"
        ) from problem
    kept.unlink(missing_ok=True)
    kept.hardlink_to(path)
    copy.replace(path)
    sync(path.parent)
    return kept


def _discard(copy: Path) -> None:
    for leftover in (copy, copy.with_name(f"{copy.name}.wal")):
        leftover.unlink(missing_ok=True)
