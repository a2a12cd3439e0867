"""`tapewatch migrate`: every row of one store into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapewatch.commands.options import ConfigOption, loaded
from tapewatch.errors import ConfigError, StoreRejected

if TYPE_CHECKING:
    from tapewatch.settings import Settings
    from tapewatch.store.base import Store

STORE = "KIND:DIRECTORY, such as duckdb:/var/lib/tapewatch; the kind may be left out when it is duckdb."


def migrate(
    source: Annotated[str, typer.Argument(help=f"The store to read: {STORE}")],
    target: Annotated[str, typer.Argument(help=f"The store to fill, which is empty: {STORE}")],
    config: ConfigOption = None,
) -> None:
    """Copy every row of one store into another, and compare the counts of every table; no server uses either."""
    from tapewatch.commands.spooled import found_in
    from tapewatch.opening import catalog as catalog_of
    from tapewatch.store.transfer import transfer

    settings = loaded(config, None)
    catalog = catalog_of(settings)
    directory = store_named(source)[1]
    if not directory.is_dir():
        raise ConfigError(f"migrate: there is no directory {directory}")
    opened: list[Store] = []
    try:
        opened += [_opened(source, settings)]
        spooled = found_in(directory)
        if spooled.waiting:
            raise StoreRejected(
                f"migrate: {spooled.waiting} accepted rows wait in the spool in {directory} and would stay behind;"
                " start the server once with room on its disk, and stop it when the store has them"
            )
        opened += [_opened(target, settings)]
        moved = transfer(opened[0], opened[1], catalog)
    finally:
        for store in opened:
            store.close()
    for each in moved:
        summaries = f", and {each.summaries} summaries of rows that are gone" if each.summaries else ""
        typer.echo(f"{each.table}: {each.rows} rows in both{summaries}")
    typer.echo(f"{sum(each.rows for each in moved)} rows of {len(moved)} tables are in {target}; {source} is as it was")
    if spooled.refused:
        typer.echo(f"{spooled.refused} accepted rows that the store has refused stay in {directory}/store-spool/set-aside")


def store_named(words: str) -> tuple[str, Path]:
    """Kind and directory.

    >>> store_named("duckdb:/data"), store_named("/data"), store_named("data")
    (('duckdb', PosixPath('/data')), ('duckdb', PosixPath('/data')), ('duckdb', PosixPath('data')))
    """
    kind, colon, directory = words.partition(":")
    return (kind, Path(directory)) if colon and "/" not in kind else ("duckdb", Path(words))


def _opened(words: str, settings: Settings) -> Store:
    from tapewatch.clock import SystemClock
    from tapewatch.opening import catalog, opened_store

    kind, directory = store_named(words)
    chosen = settings.model_copy(update={"data_dir": directory, "store": settings.store.model_copy(update={"kind": kind})})
    return opened_store(chosen, catalog(settings), SystemClock())
