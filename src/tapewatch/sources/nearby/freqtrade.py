"""freqtrade: asked for the one answer of its interface that needs no password, ``/api/v1/ping``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tapewatch.sources.nearby.base import Door, Kind, Offer, Process
from tapewatch.sources.nearby.http import http_judged, http_question, is_cut

PORT = 8080
PONG = {"status": "pong"}


def judge(_: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Exactly ``{"status": "pong"}``, which this path answers there."""
    if is_cut(headers, body):
        return ""
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return "It answered /api/v1/ping with pong, as freqtrade does." if said == PONG else None


STRATEGY = """from tapewatch_client import Client

client = Client("http://127.0.0.1:4780", source="freqtrade")


class Watched:
    \"\"\"Put it before IStrategy: class MyStrategy(Watched, IStrategy).\"\"\"

    def bot_loop_start(self, current_time, **kwargs):
        client.write("daemon", daemon="freqtrade", running=True)
        super().bot_loop_start(current_time=current_time, **kwargs)
"""

FREQTRADE = Kind(
    "freqtrade",
    "freqtrade",
    (Door(PORT, http_question(PORT, "/api/v1/ping"), http_judged(judge)),),
    Process(command=r"\bfreqtrade\b.*\btrade\b"),
    "tapewatch does not log in to freqtrade: trades and balances are not read.",
    (
        Offer(
            "From your strategy",
            "Every loop of the bot says that it runs. Install tapewatch-client beside freqtrade, and put this into the strategy's file.",
            "python",
            STRATEGY,
        ),
    ),
)
