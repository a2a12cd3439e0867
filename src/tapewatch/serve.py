"""Running the server process: the socket, the signals, the one link that is printed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path

import typer
import uvicorn
import uvloop

from tapewatch import __version__
from tapewatch.app import Server
from tapewatch.clock import SystemClock
from tapewatch.code_pages import keep_giving_back
from tapewatch.errors import ConfigError
from tapewatch.opening import refuse_open_door
from tapewatch.settings import Settings
from tapewatch.surfaces.web.app import UVICORN_OPTIONS
from tapewatch.systemd import Notifier, Watchdog

STOP_WITHIN_S = 1
"""Seconds that open connections get when the server stops; Ctrl-C must end everything within three."""

OBJECTS_UNTIL_COLLECTED = 10_000
"""Python looks for unreachable objects once so many are new; its own 700 are reached by the rows of one request."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: The port is in use or the address is not this host's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY): without it, the body waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"server.port: {port} on {host} is in use by another program; choose another with --port") from error
        raise ConfigError(f"server.host: cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


class _Web(uvicorn.Server):
    """Stops in the order of the flow: when told to, the sources end first, so that their last rows still find an open door."""

    def __init__(self, config: uvicorn.Config, stop_sources: Callable[[], Coroutine[None, None, None]]) -> None:
        super().__init__(config)
        self._stop_sources = stop_sources
        self._stopping: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are taken until the process ends: the library would raise them again in the middle of the stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._told, number)
        yield

    def _told(self, number: int) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop_sources())
            self._stopping.add_done_callback(lambda _: self.handle_exit(number, None))
        else:
            self.handle_exit(number, None)


def serve(settings: Settings, config_path: Path | None = None, view: str = "") -> None:
    """Run the server until it is told to stop.

    Args:
        settings: All of them.
        config_path: The settings file, for child agents.
        view: What the printed link opens, as the query of its address; empty for the first page as it is.

    Raises:
        ConfigError: It cannot start.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    notifier = Notifier.from_environment(os.environ)
    refuse_open_door(settings)
    listener = listen(settings.server.host, settings.server.port)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, config_path, listener, view, notifier))
    finally:
        listener.close()


async def _serve(settings: Settings, config_path: Path | None, listener: socket.socket, view: str, notifier: Notifier) -> None:
    server = Server(settings, SystemClock(), config_path)
    config = uvicorn.Config(server.web, log_level="warning", lifespan="off", timeout_graceful_shutdown=STOP_WITHIN_S, **UVICORN_OPTIONS)

    async def stop_sources() -> None:
        notifier.send("STOPPING=1", "STATUS=stopping")
        await server.stop_sources()

    web = _Web(config, stop_sources)
    await server.start()
    gc.freeze()  # what the start has made stays: looking through it for garbage again and again holds up everybody for 40 ms each time
    gc.set_threshold(OBJECTS_UNTIL_COLLECTED)
    watchdog = asyncio.create_task(Watchdog(notifier, server.hangs, server.troubles).run(), name="watchdog")
    giving_back = asyncio.create_task(keep_giving_back(), name="code-pages")
    notifier.send("READY=1")
    announce(settings, view)
    try:
        await web.serve(sockets=[listener])
    finally:
        gc.unfreeze()  # libraries look through what is left at the end
        watchdog.cancel()
        giving_back.cancel()
        await server.stop()
        if server.has_left_store:  # an ordinary end would wait for the threads that wait for the store
            logging.shutdown()
            os._exit(0)  # all that was promised is on disk


def announce(settings: Settings, view: str) -> None:
    """Print the one link that a person needs, and where the rows are kept."""
    query = "&".join(part for part in ("token=…" if settings.server.token.get_secret_value() else "", view) if part)
    link = f"{settings.url}/{'?' + query if query else ''}"
    typer.echo(f"tapewatch {__version__} · {link} · rows in {settings.data_dir} · Ctrl-C stops")
