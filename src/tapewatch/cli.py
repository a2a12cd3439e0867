"""The command line: `up`, `demo`, `agent`, `check`, `query`, and `COMMANDS`. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tapewatch.commands import COMMANDS
from tapewatch.commands.options import ConfigOption, DataOption, HostOption, PortOption, TokenOption, UrlOption, config_path, located
from tapewatch.commands.options import overrides as overridden
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

DEFAULT_URL = "http://127.0.0.1:4780"
QUESTION_TIMEOUT_S = 30.0


@app.command()
def up(config: ConfigOption = None, host: HostOption = None, port: PortOption = None, data: DataOption = None) -> None:
    """Start the server: collect, keep and show."""
    from tapewatch.serve import serve
    from tapewatch.settings import load

    path = config_path(config)
    overrides = overridden(host, port, data)
    with located(path, overrides):
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

    run_demo(overridden(host, port, data), seed)


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

    path = config_path(config)
    with located(path, {}):
        serve_agent(load(path), to, token, only or [], spool)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Read the settings and say what is wrong: key, value, line and what is allowed. Starts nothing."""
    from tapewatch.opening import settings_problems
    from tapewatch.settings import read_text

    path = config_path(config)
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
    from tapewatch.surfaces.remote import Remote
    from tapewatch.surfaces.terminal.frame import print_frame

    parameters: dict[str, Any] = {"table": table, "measure": measure, "by": by, "where": where, "last": last}
    parameters |= {"bucket": bucket, "mode": mode, "limit": limit}
    with Remote(url, token, QUESTION_TIMEOUT_S) as server:
        print_frame(server.get("/api/query", parameters), as_json=as_json)


for command in COMMANDS:
    app.command()(command)


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
