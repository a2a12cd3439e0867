"""Redis and what speaks its protocol: asked by PING, which is answered also where a password is needed, by a refusal."""

from __future__ import annotations

from tapewatch.sources.nearby.base import Door, Kind, Offer, Process

PING = b"PING\r\n"
_NEEDS = {b"-NOAUTH": "it needs a password", b"-DENIED": "it refuses connections without a password"}


def judge(heard: bytes) -> str | None:
    """``+PONG``, or a refusal in its own words; more is needed until the line ends."""
    if not heard.startswith((b"+", b"-")):
        return None
    line, found, _ = heard.partition(b"\r\n")
    if not found:
        return ""
    if line == b"+PONG":
        return "It answered PING with PONG."
    need = _NEEDS.get(line.split(b" ")[0])
    return f"It answered PING in Redis's words: {need}." if need else None


REDIS = Kind(
    "redis",
    "Redis",
    (Door(6379, PING, judge),),
    Process(command=r"(^|/)(redis|valkey)-server\b"),
    "tapewatch does not read Redis's INFO: keys, clients and evictions are not known.",
    (
        Offer(
            "Whether it answers",
            "A line for cron on this host: every minute it says that Redis answers, or says nothing.",
            "cron",
            "* * * * *  redis-cli -h 127.0.0.1 ping | grep -q PONG && curl -fsS http://127.0.0.1:4780/api/ping/redis",
        ),
    ),
)
