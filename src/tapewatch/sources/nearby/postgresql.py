"""PostgreSQL: asked whether it takes TLS, as every client does first; the connection ends before anybody logs in."""

from __future__ import annotations

from tapewatch.sources.nearby.base import Door, Kind, Offer, Process

SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""``SSLRequest`` of the frontend protocol: its length and its code; the answer is one byte, S or N."""

_MEANINGS = {b"S": "with TLS", b"N": "without TLS"}


def judge(heard: bytes) -> str | None:
    """One byte proves it; a server that is not one sends more, or another one."""
    meaning = _MEANINGS.get(heard)
    return f"It answered a request for TLS as PostgreSQL does: it takes connections {meaning}." if meaning else None


POSTGRESQL = Kind(
    "postgresql",
    "PostgreSQL",
    (Door(5432, SSL_REQUEST, judge),),
    Process(name="postgres"),
    "tapewatch does not log in to PostgreSQL: connections, locks and replication are not read.",
    (
        Offer(
            "Whether it takes connections",
            "A line for cron on this host: every minute it says that PostgreSQL takes connections, or says nothing.",
            "cron",
            "* * * * *  pg_isready -q -h 127.0.0.1 && curl -fsS http://127.0.0.1:4780/api/ping/postgresql",
        ),
    ),
)
