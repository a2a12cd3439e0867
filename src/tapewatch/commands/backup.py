"""`tapewatch backup`: by the running server, or of a store that no server uses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapewatch.commands.options import ConfigOption, DataOption, OwnUrlOption, TokenOption, loaded
from tapewatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from tapewatch.commands.spooled import Spooled
    from tapewatch.settings import Settings

EXIT_INCOMPLETE = 1
LOOK_S = 0.2


def backup(
    directory: Annotated[Path, typer.Argument(help="Where the backup goes: a directory that is empty or does not exist.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: OwnUrlOption = None,
    token: TokenOption = "",
) -> None:
    """Copy the store into a directory and verify the copy; a running server goes on meanwhile.

    Exit code 1 when the copy was written and accepted rows are not in it, because they waited in the server's spool.
    """
    from tapewatch.store.lock import is_held

    settings = loaded(config, data)
    if url is not None or is_held(settings.data_dir):
        manifest, spooled = _by_server(directory.absolute(), url or settings.url, token or settings.server.token.get_secret_value())
    else:
        manifest, spooled = _of_store(directory, settings)
    size = sum(file["bytes"] for file in manifest["files"])
    typer.echo(f"{directory}: {manifest['rows']} rows of {_filled(manifest)} tables as of {manifest['taken_at']}, {size} bytes, verified")
    left_out = _left_out(spooled)
    for words in left_out:
        typer.echo(f"tapewatch: backup: {words}", err=True)
    if left_out:
        raise typer.Exit(EXIT_INCOMPLETE)


def _left_out(spooled: Spooled) -> list[str]:
    """Which accepted rows the copy may lack, a sentence each."""
    found: list[str] = []
    if spooled.waiting:
        found.append(
            f"{spooled.waiting} accepted rows are not in it: they waited in the server's spool when it began;"
            " take another one when the store has them"
        )
    if spooled.refused:
        found.append(
            f"{spooled.refused} accepted rows are not in it: the store has refused them, and they are kept in store-spool/set-aside"
        )
    return found


def _by_server(directory: Path, url: str, token: str) -> tuple[Mapping[str, Any], Spooled]:
    """Let the server write it, and wait for the end; what waited in its spool before."""
    from tapewatch.commands.spooled import told_by
    from tapewatch.surfaces.remote import Remote

    with Remote(url, token) as server:
        spooled = told_by(server)
        told = server.post("/api/backup", {"directory": str(directory)})
        while told["state"] == "running":
            time.sleep(LOOK_S)
            told = server.get("/api/backup")
    if told["state"] != "done" or told["directory"] != str(directory):
        raise StoreUnavailable(told.get("message") or f"backup: {url} was started again before it was written; begin again")
    return told["manifest"], spooled


def _of_store(directory: Path, settings: Settings) -> tuple[Mapping[str, Any], Spooled]:
    """Open the store for as long as it takes."""
    from dataclasses import asdict

    from tapewatch import __version__
    from tapewatch.clock import SystemClock
    from tapewatch.commands.spooled import found_in
    from tapewatch.opening import catalog as catalog_of
    from tapewatch.opening import opened_store
    from tapewatch.store.backup import write_backup

    clock = SystemClock()
    if not settings.data_dir.is_dir():
        raise StoreUnavailable(f"backup: there is no store in {settings.data_dir}; name its directory with --data")
    store = opened_store(settings, catalog_of(settings), clock)
    try:
        spooled = found_in(settings.data_dir)
        return asdict(write_backup(store, directory, clock, __version__)), spooled
    finally:
        store.close()


def _filled(manifest: Mapping[str, Any]) -> int:
    return sum(rows > 0 for rows in manifest["rows_by_table"].values())
