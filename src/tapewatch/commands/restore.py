"""`tapewatch restore`: a backup becomes the store of a data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tapewatch.commands.options import ConfigOption, DataOption, loaded


def restore(
    directory: Annotated[Path, typer.Argument(help="Directory that `tapewatch backup` wrote.")],
    config: ConfigOption = None,
    data: DataOption = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also into a data directory in use; its store is kept under another name.")
    ] = False,
) -> None:
    """Verify a backup and make it the store of the data directory, which must be empty; the server is stopped."""
    from tapewatch.store.restore import restore_backup

    target = loaded(config, data).data_dir
    manifest, kept = restore_backup(directory, target, replace=replace)
    typer.echo(f"{target}: {manifest.rows} rows as of {manifest.taken_at}, verified")
    if kept is not None:
        typer.echo(f"the store that was there is kept as {kept}; remove it when nothing is missed")
