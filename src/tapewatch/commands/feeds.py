"""`tapewatch feeds`: every measured stream on the terminal, the worst first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tapewatch.commands.options import TokenOption, UrlOption

if TYPE_CHECKING:
    from tapewatch.surfaces.terminal.board import View

DEFAULT_URL = "http://127.0.0.1:4780"
EXIT_WRONG = 1
EXIT_NOT_KNOWN = 3
TIMEOUT_S = 5.0


def feeds(
    venue: Annotated[list[str] | None, typer.Option("--venue", help="Only this venue; may be given several times.")] = None,
    symbol: Annotated[list[str] | None, typer.Option("--symbol", help="Only this symbol; may be given several times.")] = None,
    channel: Annotated[list[str] | None, typer.Option("--channel", help="Only this channel; may be given several times.")] = None,
    *,
    wrong: Annotated[bool, typer.Option("--wrong", help="Only streams that are not up.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the streams and end, as always when the output is no terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the streams as JSON and end.")] = False,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = "",
) -> None:
    """Show every measured stream, worst first; exit code 0: all are up, 1: one is degraded or down, 3: not all is known."""
    from tapewatch.clock import SystemClock
    from tapewatch.surfaces.remote import Remote
    from tapewatch.surfaces.terminal.board import board
    from tapewatch.surfaces.terminal.frame import terminal
    from tapewatch.surfaces.terminal.streams import read_streams
    from tapewatch.surfaces.terminal.watch import Watch

    where = {"venue": venue or [], "symbol": symbol or [], "channel": channel or []}
    console = terminal()
    with Remote(url, token, TIMEOUT_S) as server:
        watch = Watch(lambda: read_streams(server, where), server.url, SystemClock(), only_wrong=wrong)
        if as_json or once or not sys.stdout.isatty():
            watch.look()
            if as_json:
                console.print_json(data=watch.view().as_json())
            else:
                console.print(board(watch.view(), console.width), soft_wrap=True)
        else:
            watch.show(console)
    raise typer.Exit(exit_code(watch.view()))


def exit_code(view: View) -> int:
    """What a script wants to know."""
    return {"up": 0, "degraded": EXIT_WRONG, "down": EXIT_WRONG}.get(view.worst, EXIT_NOT_KNOWN)
