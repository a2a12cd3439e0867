"""`tapewatch adopt`: declares what waits in quarantine, and moves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tapewatch.commands.options import ConfigOption, DataOption, OwnUrlOption, TokenOption, config_path, loaded


def adopt(
    table: Annotated[str, typer.Argument(help="Table in quarantine; the System dashboard lists them.")],
    name: Annotated[str, typer.Option("--as", help="Another name for the table of your own that takes the rows.")] = "",
    *,
    print_only: Annotated[bool, typer.Option("--print", help="Print the declaration; write and move nothing.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: OwnUrlOption = None,
    token: TokenOption = "",
) -> None:
    """Declare a table that rows wait for in quarantine, in the settings file, and move them into it."""
    from tapewatch.adopt import declared, desk_of, with_declaration, write_text
    from tapewatch.settings import read_text

    path = config_path(config)
    desk = desk_of(loaded(config, data), url or "", token)
    text = read_text(path) if path else ""
    found = desk.propose(table, name)
    if print_only or path is None:
        typer.echo(found["toml"], nl=False)
        if path is None and not print_only:
            typer.echo("no settings file: nothing is moved; save these lines as tapewatch.toml and adopt again", err=True)
        return
    definition = declared(text, found)
    if definition is None:
        text, definition = with_declaration(text, found)
        write_text(path, text)
        typer.echo(f"{path}: {', '.join(found['columns'])} of table {found['table']} declared")
    _tell_moved(table, desk.adopt(table, found["table"], definition))


def _tell_moved(source: str, moved: Mapping[str, Any]) -> None:
    """Say what became of the rows; exit code 1 when some stay."""
    typer.echo(f"{_rows(moved['rows'])} moved from quarantine to table {moved['table']}")
    if moved["waiting"]:
        typer.echo(f"{moved['waiting']} of them have other columns that still wait in quarantine")
    if moved["stayed"]:
        typer.echo(f"{_rows(moved['stayed'])} of {source} left in quarantine, because a part would have been refused:", err=True)
        for reason in moved["reasons"]:
            typer.echo(f"  {reason}", err=True)
        raise typer.Exit(1)


def _rows(count: int) -> str:
    return f"{count} {'row' if count == 1 else 'rows'}"
