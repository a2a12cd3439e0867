"""`tapewatch retire`: series that have stopped for good, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from tapewatch.commands.options import ConfigOption, OwnUrlOption, TokenOption, loaded


def retire(
    table: Annotated[str, typer.Argument(help="Table of the series, such as feed.")],
    tags: Annotated[list[str], typer.Argument(help="What the series have: tag=value, such as venue=kraken symbol=LUNA/USD.")],
    *,
    why: Annotated[str, typer.Option("--why", help="What people read beside it.")] = "",
    back: Annotated[bool, typer.Option("--back", help="Judge retired series again although they have not spoken.")] = False,
    config: ConfigOption = None,
    url: OwnUrlOption = None,
    token: TokenOption = "",
) -> None:
    """Leave series that have stopped for good, such as a delisted symbol, out of verdicts until they speak again; asks a running server."""
    from tapewatch.errors import QueryError
    from tapewatch.surfaces.remote import Remote

    wrong = [text for text in tags if "=" not in text]
    if wrong:
        raise QueryError(f"{wrong[0]!r} is not tag=value", position="tags")
    settings = loaded(config, None)
    body = {"table": table, "tags": dict(text.split("=", 1) for text in tags), "why": why}
    with Remote(url or settings.url, token or settings.server.token.get_secret_value()) as server:
        found = server.post("/api/retire/back" if back else "/api/retire", body)["series"]
    for series in found:
        words = " ".join(f"{tag}={value}" for tag, value in series.items() if value)
        typer.echo(f"{'judged again' if back else 'retired'}: {table} {words}")
