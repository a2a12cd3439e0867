"""QuestDB: asked for the settings that its own clients ask for before they write; no statement is run."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tapewatch.sources.nearby.base import Door, Kind, Offer, Process
from tapewatch.sources.nearby.http import http_judged, http_question, is_cut

PORT = 9000
_VERSION = re.compile(rb'"release\.version":"([^"]+)"')


def judge(_: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """The header ``Server``, which tapewatch's own receiver of QuestDB's lines does not send, and the version in the body."""
    if not headers.get("server", "").lower().startswith("questdb"):
        return None
    version = _VERSION.search(body)
    if version:
        return f"It told its settings as QuestDB {version[1].decode(errors='replace')} does."
    return "" if is_cut(headers, body) else "It answered under the name of QuestDB."


LINES = """from questdb import Sender, TimestampNanos

with Sender.from_conf("http::addr=127.0.0.1:4780;") as sender:
    sender.row(
        "exchange",
        symbols={"venue": "kraken", "source": "my-bot"},
        columns={"connected": True, "latency_ms": 12.5, "reconnects": 3},
        at=TimestampNanos.now(),
    )
"""

QUESTDB = Kind(
    "questdb",
    "QuestDB",
    (Door(PORT, http_question(PORT, "/settings"), http_judged(judge)),),
    Process(name="java", command="questdb"),
    "tapewatch does not read QuestDB's tables.",
    (
        Offer(
            "What you send to it",
            "What a program sends to QuestDB it can send to tapewatch as well: its client takes the address of this server.",
            "python",
            LINES,
        ),
    ),
)
