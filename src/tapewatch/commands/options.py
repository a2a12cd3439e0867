"""Options that several commands have, and what they mean together."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tapewatch.errors import ConfigError

if TYPE_CHECKING:
    from tapewatch.settings import Settings

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file (TOML); tapewatch.toml of this directory when it exists.")
]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="TCP port to listen on.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Directory of the store.")]
UrlOption = Annotated[str, typer.Option("--url", envvar="TAPEWATCH_URL", help="Address of the server.")]
OwnUrlOption = Annotated[
    str | None, typer.Option("--url", envvar="TAPEWATCH_URL", help="Address of the server; that of the settings when left out.")
]
TokenOption = Annotated[str, typer.Option("--token", envvar="TAPEWATCH_TOKEN", help="Bearer token of the server.", show_envvar=True)]


def config_path(given: Path | None) -> Path | None:
    """The settings file asked for, else tapewatch.toml here, else none."""
    if given is not None:
        return given
    here = Path("tapewatch.toml")
    return here if here.exists() else None


@contextlib.contextmanager
def located(path: Path | None, overrides: Mapping[str, Any]) -> Generator[None]:
    """Add file and line to what is wrong with a setting, unless the command line has set it."""
    try:
        yield
    except ConfigError as error:
        if path is None or not error.path or error.path[0] in overrides:
            raise
        from tapewatch.settings import problem_of, read_text

        raise ConfigError(f"{path}: {problem_of(error, read_text(path))}") from error


def overrides(host: str | None, port: int | None, data: Path | None) -> dict[str, Any]:
    """What the command line sets, nested as the settings are."""
    server = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    found: dict[str, Any] = {"server": server} if server else {}
    return found | ({"data_dir": data} if data else {})


def loaded(config: Path | None, data: Path | None) -> Settings:
    """The settings, with the data directory of the command line.

    Raises:
        ConfigError: They are wrong.
    """
    from tapewatch.settings import load

    return load(config_path(config), overrides(None, None, data))
