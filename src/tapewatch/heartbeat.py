"""A sign of life that goes out: a service elsewhere raises the alarm when it stays away, because this host may be gone with its alarms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError, TapewatchError
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.settings import HeartbeatSettings
from tapewatch.sources.http_json import SharedHttp

log = logging.getLogger("tapewatch.heartbeat")

CHECK = "tapewatch outgoing"
"""Name of the check in the rows of table ``heartbeat`` that say how it went."""
SOURCE = "tapewatch"
REPORT_S = 5.0
_LEAST_GOOD, _FIRST_OTHER = 200, 300


def refuse_no_address(settings: HeartbeatSettings) -> None:
    """Nothing but an address of the web can be asked.

    Raises:
        ConfigError: It is something else; it is not repeated, because it may hold a secret.
    """
    try:
        parts = urlsplit(settings.url.get_secret_value())
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if settings.is_set and not is_address:
        raise ConfigError("heartbeat.url: this is no address that begins with http:// or https:// and a host", path=("heartbeat", "url"))


class Heartbeat:
    """Asks the address at a fixed pace while the server is healthy; failures are logged when they begin and told as rows.

    Args:
        settings: Address, pace and time limit.
        clock: The time.
        troubles: Gives the reasons why the server is not healthy; none when it is.
        report: Takes a row about each sign; what it raises is only logged.
    """

    def __init__(
        self,
        settings: HeartbeatSettings,
        clock: Clock,
        troubles: Callable[[], Sequence[str]],
        report: Callable[[Delivery], Awaitable[object]],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._troubles = troubles
        self._report = report
        self._http = SharedHttp(settings.timeout_s)
        self._sent = self._failed = self._withheld = 0
        self._sent_s: float | None = None
        self._logged = ""

    async def run(self) -> None:
        """Send for ever; needs the running event loop."""
        try:
            while True:
                await self.beat()
                await asyncio.sleep(self._settings.every_s)
        finally:
            await self._http.close()

    async def beat(self) -> None:
        """Send one sign, or say why none is sent."""
        began_s = self._clock.monotonic_s()
        troubles = self._troubles()
        if troubles:
            self._withheld += 1
            problem = f"withheld, the server is not healthy: {'; '.join(troubles)}"
        else:
            problem = await self._ask()
            self._failed += bool(problem)
            self._sent += not problem
            if not problem:
                self._sent_s = self._clock.monotonic_s()
        self._log(problem)
        await self._tell(problem, (self._clock.monotonic_s() - began_s) * 1_000)

    async def _ask(self) -> str:
        """What went wrong, in words without the address; empty when nothing did."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                answer = await self._http().get(self._settings.url.get_secret_value())
        except TimeoutError:
            return f"no answer within {self._settings.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - whatever the network does, the server goes on
            return f"no answer: {type(error).__name__}"  # its text may name the address
        if _LEAST_GOOD <= answer.status_code < _FIRST_OTHER:
            return ""
        return f"answered status {answer.status_code}"

    def _log(self, problem: str) -> None:
        """Log a change once."""
        if problem == self._logged:
            return
        self._logged = problem
        if problem:
            log.warning("The outgoing heartbeat: %s", problem)
        else:
            log.info("The outgoing heartbeat arrives.")

    async def _tell(self, problem: str, took_ms: float) -> None:
        row = {"check": CHECK, "kind": "fail" if problem else "success", "duration_ms": took_ms, "message": problem or None}
        delivery = Delivery((RawBatch.of("heartbeat", [row], period_s=self._settings.every_s),), SOURCE, is_own=True)
        try:
            async with asyncio.timeout(REPORT_S):
                await self._report(delivery)
        except (TapewatchError, TimeoutError):
            return  # the store is away: the page says so already

    def measures(self) -> dict[str, float]:
        """How often it was sent, failed and was withheld since the start, and how long ago one arrived."""
        found: dict[str, float] = {"sent": self._sent, "failed": self._failed, "withheld": self._withheld}
        if self._sent_s is not None:
            found["since_sent_s"] = self._clock.monotonic_s() - self._sent_s
        return found
