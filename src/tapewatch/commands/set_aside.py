"""`tapewatch set-aside`: accepted rows that the store has refused for good, and another try."""

from __future__ import annotations

from typing import Annotated

import typer

from tapewatch.commands.options import ConfigOption, DataOption, loaded

EXIT_STAY = 1


def set_aside(
    *,
    retry: Annotated[bool, typer.Option("--retry", help="Give them to the store once more; what it takes is no longer set aside.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List accepted rows that the store refused for good when it came back, or try them again; the server is stopped.

    Exit code 1 when rows were tried again and some stay.
    """
    from tapewatch.clock import SystemClock
    from tapewatch.ingest.spool import SetAside
    from tapewatch.opening import STORE_SPOOL, catalog, opened_store
    from tapewatch.store.lock import DirectoryLock

    settings = loaded(config, data)
    clock = SystemClock()
    owner = opened_store(settings, catalog(settings), clock) if retry else None
    lock = DirectoryLock(settings.data_dir) if owner is None else None
    try:
        aside = SetAside(settings.data_dir / STORE_SPOOL)
        tried = aside.deliveries() if owner is None else aside.try_again(owner, clock)
        aside.close()
    finally:
        if owner is not None:
            owner.close()
        if lock is not None:
            lock.release()
    if not tried:
        typer.echo(f"{aside.folder}: nothing is set aside")
        return
    stay = [one for one in tried if one.why] if retry else tried
    taken = sum(one.rows for one in tried) - sum(one.rows for one in stay)
    if retry:
        typer.echo(f"{taken} rows are in the store now")
    for one in stay:
        typer.echo(f"{one.rows} rows are set aside: {one.words}" + (f": {one.why}" if one.why else ""), err=retry)
    if retry and stay:
        raise typer.Exit(EXIT_STAY)
