"""`tapewatch record`: writes what a feed collector receives, to be played again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

import typer

from tapewatch.commands.options import ConfigOption, config_path, located
from tapewatch.errors import ConfigError

if TYPE_CHECKING:
    from tapewatch.clock import Clock
    from tapewatch.model.rows import RawBatch
    from tapewatch.sources.base import Context
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

KINDS = ("feed", "websocket")
EXIT_INCOMPLETE = 1
TELL_S = 10.0
END_S = 10.0
"""Seconds that the last messages get to be written."""


class Recordable(Protocol):
    """A collector whose traffic can be recorded."""

    def recorder(self, name: str, clock: Clock) -> Recorder | None:
        """What records under this name."""
        ...

    def measured(self, context: Context, recorder: Recorder | None) -> AsyncGenerator[RawBatch]:
        """Its rows."""
        ...


def record(  # noqa: PLR0913 - each is an option of the command line
    collector: Annotated[str, typer.Argument(help="Name of a collector in the settings; or give --venue and --symbols.")] = "",
    *,
    directory: Annotated[Path, typer.Option("--dir", help="Directory of the recording; made when it is missing.")],
    venue: Annotated[str, typer.Option("--venue", help="Venue id, such as binance_usdm.")] = "",
    symbols: Annotated[str, typer.Option("--symbols", help="Symbols, joined by commas, such as BTC/USD,ETH/USD.")] = "",
    channels: Annotated[str, typer.Option("--channels", help="Channels, joined by commas; the venue's usual ones when left out.")] = "",
    url: Annotated[str, typer.Option("--url", help="WebSocket address; the venue's public one when left out.")] = "",
    limit_mb: Annotated[float, typer.Option("--limit-mb", help="Megabytes that it may take; the oldest file goes first.")] = 1000.0,
    duration: Annotated[str, typer.Option("--for", help="How long, such as 10min; until it is interrupted when left out.")] = "",
    config: ConfigOption = None,
) -> None:
    """Record what a venue sends, until it is interrupted; exit code 1 when messages are missing from the recording."""
    from tapewatch.query.wire import duration_s

    seconds = duration_s(duration, "--for") if duration else None
    if collector:
        if venue or symbols or channels or url:
            raise ConfigError(f"collectors.{collector} is given with --venue, --symbols, --channels or --url; give the one or the others")
        path = config_path(config)
        with located(path, {}):
            fields = _of_settings(collector, path)
            made = _made(collector, fields, directory, limit_mb)
    else:
        asked = {"symbols": _words(symbols), "channels": _words(channels), "url": url}
        fields = {"kind": "feed", "venue": venue, **{name: value for name, value in asked.items() if value}}
        if not (venue and symbols):
            raise ConfigError("--venue and --symbols are needed, or the name of a collector in the settings")
        made = _made(venue, fields, directory, limit_mb)
    _make(directory)
    run = Run(collector or venue, made, directory)
    missing = asyncio.run(run.until(seconds))
    if missing:
        raise typer.Exit(EXIT_INCOMPLETE)


@dataclass(frozen=True)
class Run:
    """One recording: the collector measures as always, and its rows are let go."""

    name: str
    collector: Recordable
    directory: Path

    async def until(self, seconds: float | None) -> int:
        """Record for so long, or until SIGINT or SIGTERM, and say how it goes; gives the number of messages that are missing."""
        import signal

        from tapewatch.clock import SystemClock
        from tapewatch.sources.base import Context
        from tapewatch.sources.http_json import SharedHttp

        clock, http = SystemClock(), SharedHttp(timeout_s=10.0)
        recorder = cast("Recorder", self.collector.recorder(self.name, clock))
        recorder.take()
        context = Context(self.name, "", "", clock, http)
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        tasks = [asyncio.create_task(work) for work in (self._read(context, recorder), ended.wait(), self._tell(recorder))]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                await tasks[0]  # it has no end but a failure
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await http.close()
        is_whole = await asyncio.to_thread(recorder.join, END_S)
        _say(self._told(recorder))
        if not is_whole:
            typer.echo(f"{self.directory} does not take what waits; the last messages are missing", err=True)
        return recorder.missing

    async def _read(self, context: Context, recorder: Recorder) -> None:
        async with aclosing(self.collector.measured(context, recorder)) as rows:
            async for _ in rows:
                pass

    async def _tell(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            _say(self._told(recorder))

    def _told(self, recorder: Recorder) -> str:
        from tapewatch.query.verdict import written

        size = written(recorder.measures()["file_bytes"], "bytes")
        found = f"{self.name}: {recorder.taken:,} messages, {size} in {self.directory}"
        return f"{found}, {recorder.missing:,} missing" + (f" ({recorder.problem})" if recorder.problem else "")


def _of_settings(name: str, path: Path | None) -> Mapping[str, Any]:
    """The fields of a collector in the settings."""
    from tapewatch.settings import load

    found = load(path, {}).collectors
    if name not in found:
        raise ConfigError(f"collectors.{name}: there is no such collector; there are {', '.join(found) or 'none'}")
    if found[name].get("kind") not in KINDS:
        raise ConfigError(f"collectors.{name}.kind: only collectors of kind {' and '.join(KINDS)} can be recorded")
    return found[name]


def _made(name: str, fields: Mapping[str, Any], directory: Path, limit_mb: float) -> Recordable:
    from tapewatch.sources.collectors import collector_from_settings

    recorded = {**fields, "record_dir": str(directory), "record_limit_mb": limit_mb}
    return cast("Recordable", collector_from_settings(name, recorded))


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".tapewatch-writes"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"--dir: {directory} cannot be written: {error.strerror}; choose another directory or change its rights"
        ) from error


def _say(text: str) -> None:
    """Print a line for who still reads: a recording does not end because nobody does."""
    try:
        typer.echo(text)
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or what is still to be written would fail again at the end
        os.close(nowhere)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
