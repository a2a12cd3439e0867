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
    from tapewatch.settings import Settings

LOOK_S = 0.2


def backup(
    directory: Annotated[Path, typer.Argument(help="Where the backup goes: a directory that is empty or does not exist.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: OwnUrlOption = None,
    token: TokenOption = "",
) -> None:
    """Copy the store into a directory and verify the copy; a running server goes on meanwhile."""
    from tapewatch.store.lock import is_held

    settings = loaded(config, data)
    if url is not None or is_held(settings.data_dir):
        manifest = _by_server(directory.absolute(), url or settings.url, token or settings.server.token.get_secret_value())
    else:
        manifest = _of_store(directory, settings)
    size = sum(file["bytes"] for file in manifest["files"])
    typer.echo(f"{directory}: {manifest['rows']} rows of {_filled(manifest)} tables as of {manifest['taken_at']}, {size} bytes, verified")


def _by_server(directory: Path, url: str, token: str) -> Mapping[str, Any]:
    """Let the server write it, and wait for the end."""
    from tapewatch.surfaces.remote import Remote

    with Remote(url, token) as server:
        told = server.post("/api/backup", {"directory": str(directory)})
        while told["state"] == "running":
            time.sleep(LOOK_S)
            told = server.get("/api/backup")
    if told["state"] != "done" or told["directory"] != str(directory):
        raise StoreUnavailable(told.get("message") or f"backup: {url} was started again before it was written; begin again")
    return told["manifest"]


def _of_store(directory: Path, settings: Settings) -> Mapping[str, Any]:
    """Open the store for as long as it takes."""
    from dataclasses import asdict

    from tapewatch import __version__
    from tapewatch.app import catalog as catalog_of
    from tapewatch.app import opened_store
    from tapewatch.clock import SystemClock
    from tapewatch.store.backup import write_backup

    clock = SystemClock()
    if not settings.data_dir.is_dir():
        raise StoreUnavailable(f"backup: there is no store in {settings.data_dir}; name its directory with --data")
    store = opened_store(settings, catalog_of(settings), clock)
    try:
        return asdict(write_backup(store, directory, clock, __version__))
    finally:
        store.close()


def _filled(manifest: Mapping[str, Any]) -> int:
    return sum(rows > 0 for rows in manifest["rows_by_table"].values())
