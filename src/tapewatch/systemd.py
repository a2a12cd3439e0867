"""Talking to systemd (sd_notify(3)): that the server is ready, that it is well, that it stops. Does nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence

log = logging.getLogger("tapewatch.systemd")

US_PER_S = 1_000_000


class Notifier:
    """Sends datagrams to the service manager's socket.

    Args:
        address: Path of the socket, or @name for one without a file; empty when there is no service manager.
        watchdog_s: Seconds after which the service manager takes silence as a hang; None when it does not watch.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s if address else None

    @classmethod
    def from_environment(cls, variables: MutableMapping[str, str]) -> Notifier:
        """What the service manager has told this process; taken out, so that children do not speak for it."""
        address, watchdog_us, pid = (variables.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))
        is_meant = watchdog_us.isdecimal() and int(watchdog_us) > 0 and pid in {"", str(os.getpid())}
        return cls(address, int(watchdog_us) / US_PER_S if is_meant else None)

    def send(self, *lines: str) -> None:
        """Send assignments such as ``READY=1`` in one datagram; never blocks and never raises."""
        if not self._address:
            return
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self._address)
            except OSError as error:
                log.warning("The service manager could not be told %s: %s", lines[0], error)


class Watchdog:
    """Tells the service manager that the server lives, while it does, and in words how it is.

    Args:
        notifier: Where to.
        hangs: Gives the reasons why a restart is needed; none while the server works, or waits for what a restart would not change.
        troubles: Gives the reasons why the server is not healthy.
    """

    def __init__(self, notifier: Notifier, hangs: Callable[[], Awaitable[Sequence[str]]], troubles: Callable[[], Sequence[str]]) -> None:
        self._notifier = notifier
        self._hangs = hangs
        self._troubles = troubles
        self._told = ""

    async def run(self) -> None:
        """Look several times within the watchdog's time, for ever; each second, where nobody watches."""
        every_s = min(1.0, self._notifier.watchdog_s / 4) if self._notifier.watchdog_s else 1.0
        while True:
            await asyncio.sleep(every_s)
            await self.look()

    async def look(self) -> None:
        """Tell once how it is; silence when it hangs, apart from the words."""
        hangs = await self._hangs()
        words = "; ".join([*hangs, *(trouble for trouble in self._troubles() if trouble not in hangs)]).replace("\n", " ") or "well"
        lines = [] if hangs or self._notifier.watchdog_s is None else ["WATCHDOG=1"]
        if words != self._told:
            lines.append(f"STATUS={words}")
            self._told = words
        if lines:
            self._notifier.send(*lines)
