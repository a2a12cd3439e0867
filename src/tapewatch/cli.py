"""The command line: `up`, `demo`, `agent`, `check`, `query`, `adopt`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tapewatch.errors import ConfigError, TapewatchError

EXIT_BAD_INPUT = 2

app = typer.Typer(
    name="tapewatch",
    help="The independent observer for trading systems: measures them, keeps what it measured, shows it live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML); tapewatch.toml of this directory when it exists.")
]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="TCP port to listen on.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Directory of the store.")]
UrlOption = Annotated[str, typer.Option("--url", envvar="TAPEWATCH_URL", help="Address of the server.")]
TokenOption = Annotated[str, typer.Option("--token", envvar="TAPEWATCH_TOKEN", help="Bearer token of the server.", show_envvar=True)]

DEFAULT_URL = "http://127.0.0.1:4780"


@app.command()
def up(config: ConfigOption = None, host: HostOption = None, port: PortOption = None, data: DataOption = None) -> None:
    """Start the server: collect, keep and show."""
    from tapewatch.serve import serve
    from tapewatch.settings import load

    path = _config_path(config)
    overrides = _overrides(host, port, data)
    with _located(path, overrides):
        serve(load(path, overrides), path)


@app.command()
def demo(
    host: HostOption = None,
    port: PortOption = None,
    data: DataOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated markets.")] = 7,
) -> None:
    """Start the server with the paper desk: simulated venues, a daemon, and faults within the first minute."""
    from tapewatch.demo import run_demo

    run_demo(_overrides(host, port, data), seed)


@app.command()
def agent(
    to: Annotated[str, typer.Option("--to", help="Address of the server that gets the rows.")],
    config: ConfigOption = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run only this collector; may be given several times.")] = None,
    token: TokenOption = "",
    spool: Annotated[
        Path | None, typer.Option("--spool", help="Folder for rows that wait for the server; one in the data directory when left out.")
    ] = None,
) -> None:
    """Run the collectors of the settings here and deliver to a server elsewhere."""
    from tapewatch.agent import serve_agent
    from tapewatch.settings import load

    path = _config_path(config)
    with _located(path, {}):
        serve_agent(load(path), to, token, only or [], spool)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Read the settings and say what is wrong: key, value, line and what is allowed. Starts nothing."""
    from tapewatch.app import settings_problems
    from tapewatch.settings import read_text

    path = _config_path(config)
    if path is None:
        typer.echo("no settings file: the defaults are fine")
        return
    problems = settings_problems(read_text(path))
    for problem in problems:
        typer.echo(f"{path}: {problem}", err=True)
    if problems:
        raise typer.Exit(EXIT_BAD_INPUT)
    typer.echo(f"{path}: nothing wrong")


@app.command()
def query(  # noqa: PLR0913 - each is an option of the command line
    table: Annotated[str, typer.Argument(help="Table to ask, such as exchange.")],
    measure: Annotated[list[str] | None, typer.Option("--measure", "-m", help="Such as avg(latency_ms), p99(latency_ms), count().")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Tag to group by.")] = None,
    *,
    where: Annotated[list[str] | None, typer.Option("--where", help="column:value,value")] = None,
    last: Annotated[str, typer.Option("--last", help="Length of the range, such as 5min or 1h.")] = "1h",
    bucket: Annotated[str | None, typer.Option("--bucket", help="Width of a time bucket, such as 10s, or auto.")] = None,
    mode: Annotated[str | None, typer.Option("--mode", help="aggregate, latest or rows; latest without a measure.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Most rows.")] = None,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask a running server one question and print the answer."""
    from tapewatch.surfaces.console import ask, print_frame

    parameters: dict[str, Any] = {"table": table, "measure": measure, "by": by, "where": where, "last": last}
    parameters |= {"bucket": bucket, "mode": mode, "limit": limit}
    frame = ask(url, token, parameters)
    print_frame(frame, as_json=as_json)


@app.command()
def adopt(
    table: Annotated[str, typer.Argument(help="Table in quarantine; the System dashboard lists them.")],
    name: Annotated[str, typer.Option("--as", help="Another name for the table of your own that takes the rows.")] = "",
    *,
    print_only: Annotated[bool, typer.Option("--print", help="Print the declaration; write and move nothing.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: Annotated[str, typer.Option("--url", envvar="TAPEWATCH_URL", help="Address of the server that owns the store.")] = "",
    token: TokenOption = "",
) -> None:
    """Declare a table that rows wait for in quarantine, in the settings file, and move them into it."""
    from tapewatch.adopt import declared, desk_of, with_declaration, write_text
    from tapewatch.settings import load, read_text

    path = _config_path(config)
    desk = desk_of(load(path, _overrides(None, None, data)), url, token)
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


def _config_path(given: Path | None) -> Path | None:
    """The settings file asked for, else tapewatch.toml here, else none."""
    if given is not None:
        return given
    here = Path("tapewatch.toml")
    return here if here.exists() else None


@contextlib.contextmanager
def _located(path: Path | None, overrides: Mapping[str, Any]) -> Generator[None]:
    """Add file and line to what is wrong with a setting, unless the command line has set it."""
    try:
        yield
    except ConfigError as error:
        if path is None or not error.path or error.path[0] in overrides:
            raise
        from tapewatch.settings import problem_of, read_text

        raise ConfigError(f"{path}: {problem_of(error, read_text(path))}") from error


def _overrides(host: str | None, port: int | None, data: Path | None) -> dict[str, Any]:
    server = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    overrides: dict[str, Any] = {"server": server} if server else {}
    return overrides | ({"data_dir": data} if data else {})


def main() -> None:
    """Run the command line; an expected error is one readable message and exit code 2 (bad input) or 1."""
    try:
        app()
    except ConfigError as error:
        typer.echo(f"tapewatch: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
    except TapewatchError as error:
        typer.echo(f"tapewatch: {error}", err=True)
        sys.exit(1)
