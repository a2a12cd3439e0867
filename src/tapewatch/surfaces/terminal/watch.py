"""Keeps a table of streams on the terminal up to date: a thread asks, the screen is drawn meanwhile, so that ages count on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rich.console import Console
from rich.live import Live

from tapewatch.clock import Clock
from tapewatch.errors import TapewatchError
from tapewatch.surfaces.terminal.board import View, board
from tapewatch.surfaces.terminal.streams import Streams

ASK_S = 2.0
DRAW_S = 0.5

SILENT_S = 6.0
"""An answer older than this is the past, also while the next one is still waited for."""


class Watch:
    """Asks a server again and again.

    Args:
        ask: Gives what the server says; raises `TapewatchError` when it says nothing.
        server: Its address.
        clock: The time.
        only_wrong: Whether streams that are up are left out.
    """

    def __init__(self, ask: Callable[[], Streams], server: str, clock: Clock, *, only_wrong: bool = False) -> None:
        self._ask = ask
        self._server = server
        self._only_wrong = only_wrong
        self._clock = clock
        self._last: tuple[Streams, float] | None = None
        self._began_s = clock.monotonic_s()
        self._away = ""
        self._ended = threading.Event()

    def look(self) -> None:
        """Ask once."""
        try:
            found = self._ask()
        except TapewatchError as error:
            self._away = str(error)
        else:
            self._last, self._away = (found, self._clock.monotonic_s()), ""

    def view(self) -> View:
        """What is known now."""
        last, away = self._last, self._away
        since_s = self._clock.monotonic_s() - (last[1] if last else self._began_s)
        silent = f"{self._server} has not answered for {since_s:.0f} s" if since_s > SILENT_S else ""
        return View(last[0] if last else None, self._server, since_s, away or silent, self._only_wrong)

    def show(self, console: Console) -> None:
        """Draw until the user interrupts it."""
        asking = threading.Thread(target=self._keep_asking, name="ask", daemon=True)
        asking.start()
        try:
            with Live(console=console, screen=True, auto_refresh=False) as live:
                while True:
                    live.update(board(self.view(), console.width, console.height), refresh=True)
                    self._ended.wait(DRAW_S)
        except KeyboardInterrupt:
            pass
        finally:
            self._ended.set()

    def _keep_asking(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(ASK_S)
