"""The ways in: how anything can be connected, whatever stands beside; the page Connect shows them in this order."""

from __future__ import annotations

from dataclasses import dataclass

from tapewatch.surfaces.dashboards.feeding import ADDRESS, EXCHANGE, FEED, PROCESS
from tapewatch.surfaces.dashboards.panel import Empty


@dataclass(frozen=True, slots=True)
class Way:
    """One way in.

    Attributes:
        title: Who or what it is for.
        sentence: What it does.
        language: python, curl or toml.
        code: Works as it stands.
    """

    title: str
    sentence: str
    language: str
    code: str


def _of(empty: Empty, language: str) -> str:
    return next(snippet.code for snippet in empty.snippets if snippet.language == language)


WAYS: tuple[Way, ...] = (
    Way(
        "A venue's market data",
        "tapewatch connects by itself and measures freshness, gaps, latency and backlog. No code, no account.",
        "toml",
        _of(FEED, "toml"),
    ),
    Way(
        "A bot or a script in Python",
        "The client never blocks and never raises; what the server cannot take yet waits. pip install tapewatch-client.",
        "python",
        _of(EXCHANGE, "python"),
    ),
    Way(
        "Anything that speaks HTTP",
        "The answer comes when the row is on disk, and names every value that was refused.",
        "curl",
        _of(EXCHANGE, "curl"),
    ),
    Way(
        "Clients of QuestDB and InfluxDB, Telegraf",
        "They write here when their address is changed. One line is one row.",
        "curl",
        f"curl -fsS {ADDRESS}/write --data-binary 'exchange,venue=kraken connected=t,latency_ms=12.5,reconnects=3i'",
    ),
    Way(
        "A process of this host",
        "Whether it runs, its processor time, memory and restarts. It is found by its name, its command line or its pid file.",
        "toml",
        _of(PROCESS, "toml"),
    ),
    Way(
        "A daemon that answers its status as JSON",
        "Its get_status() over HTTP: running, errors, counts, the last error.",
        "toml",
        '[collectors.ccxt]\nkind = "daemon"\nurl = "http://127.0.0.1:8090/status"\nperiod_s = 5\n',
    ),
    Way(
        "A cron job",
        "One request when it is done; with /fail behind it when it failed. A body is kept as its message.",
        "curl",
        f"curl -fsS {ADDRESS}/api/ping/nightly-backup",
    ),
)
