"""`tapewatch doctor`: a row is sent through every part of tapewatch, and the broken link is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tapewatch.commands.options import ConfigOption, DataOption, OwnUrlOption, TokenOption, config_path, loaded
from tapewatch.errors import ConfigError, TapewatchError

if TYPE_CHECKING:
    from tapewatch.commands.links.base import Link, Walk

EXIT_BROKEN = 1
DEFAULT_URL = "http://127.0.0.1:4780"


def doctor(config: ConfigOption = None, data: DataOption = None, url: OwnUrlOption = None, token: TokenOption = "") -> None:
    """Walk from the settings to a panel with a row of its own, and name the broken link; exit code 1 when there is one."""
    import os

    from tapewatch.clock import SystemClock
    from tapewatch.commands.links.base import Walk
    from tapewatch.surfaces.remote import Remote

    try:
        settings = loaded(config, data)
    except ConfigError:
        settings = None  # the first link says what is wrong with them
    known = settings.server.token.get_secret_value() if settings else ""
    clock = SystemClock()
    with Remote(url or (settings.url if settings else DEFAULT_URL), token or known) as server:
        name = f"{clock.now_us()}-{os.getpid()}"
        broken = told(Walk(name, clock, config_path(config), settings, server, token or known))
    if broken:
        typer.echo(f"\n{broken}")
        raise typer.Exit(EXIT_BROKEN)
    typer.echo("\nevery link is sound")


def told(walk: Walk) -> str:
    """Print a line for each link; give the first broken one in a sentence, or nothing."""
    from tapewatch.commands.links import LINKS
    from tapewatch.commands.links.base import Finding, Mark, broken, hidden

    def found(link: Link) -> Finding:
        before = next((name for name in link.needs if name in unsound), "")
        if before:
            return hidden(f"cannot be seen behind the {before}")
        try:
            return link.look(walk)
        except TapewatchError as error:
            return broken(str(error), "see the server's log")

    unsound: dict[str, Finding] = {}
    for link in LINKS:
        finding = found(link)
        if finding.mark is Mark.BROKEN:
            unsound[link.name] = finding
        typer.echo(f"{link.name:<11} {finding.mark:<7} {finding.words}")
    return next((f"the broken link is {name}: {finding.words}" for name, finding in unsound.items()), "")
