"""How to feed an empty panel: Python, curl and TOML for each table, in the words that the reader can copy."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tapewatch.surfaces.dashboards.panel import Empty, Snippet

Value = str | float | bool | None

ADDRESS = "http://127.0.0.1:4780"
"""The page replaces this by its own address."""


def fed_by(sentence: str, table: str, row: Mapping[str, Value], toml: str = "") -> Empty:
    """Describe an empty panel of ``table``: ``row`` is an example that the server accepts, ``toml`` a collector."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in row.items())
    python = "\n".join(
        (
            "from tapewatch_client import Client",
            "",
            f'with Client("{ADDRESS}", source="my-bot") as client:',
            f'    client.write("{table}", {arguments})',
        )
    )
    body = json.dumps({"table": table, "source": "my-bot", "rows": [dict(row)]})
    curl = f"curl -sS {ADDRESS}/api/rows -H 'Content-Type: application/json' -d '{body}'"
    snippets = [Snippet("python", python), Snippet("curl", curl)]
    if toml:
        snippets.append(Snippet("toml", toml))
    return Empty(sentence, tuple(snippets))


DAEMON = fed_by(
    "No market-data daemon has reported yet.",
    "daemon",
    {"daemon": "ccxt", "running": True, "fetches": 1, "errors": 0, "uptime_s": 5.0},
    '[collectors.ccxt]\nkind = "daemon"\nurl = "http://127.0.0.1:8090/status"\nperiod_s = 5\n',
)
EXCHANGE = fed_by(
    "No venue has reported yet.",
    "exchange",
    {"venue": "binance", "connected": True, "latency_ms": 12.5, "reconnects": 0},
    '[collectors.kraken-feed]\nkind = "feed"\nvenue = "kraken"\nsymbols = ["BTC/USD"]\nchannels = ["trade", "book"]\n',
)
FEED = fed_by(
    "No stream is measured yet.",
    "feed",
    {"venue": "binance", "symbol": "BTC/USDT", "channel": "trade", "verdict": "fresh", "messages": 12, "age_ms": 80.0, "interval_s": 5.0},
    '[collectors.kraken-feed]\nkind = "feed"\nvenue = "kraken"\nsymbols = ["BTC/USD", "ETH/USD"]\nchannels = ["trade", "book"]\n',
)
FEED_LEAD = fed_by(
    "No market is measured on two venues yet, by one process that reads the prices of both.",
    "feed_lead",
    {"venue": "kraken", "symbol": "BTC/USD", "peer": "okx", "peer_symbol": "BTC/USD", "standing": "ahead", "lead_ms": 40.0},
    "\n".join(
        f'[collectors.{venue}-trades]\nkind = "feed"\nvenue = "{venue}"\nsymbols = ["BTC/USD"]\n' for venue in ("kraken", "coinbase")
    ),
)
PIPELINE = fed_by(
    "No data pipeline has reported yet.",
    "pipeline",
    {
        "venue": "binance",
        "symbol": "BTC/USDT:USDT",
        "data_type": "funding",
        "records": 8,
        "bytes": 912,
        "latency_ms": 41.0,
        "interval_s": 30.0,
    },
    '[collectors.ccxt-pipeline]\nkind = "pipeline"\nurl = "http://127.0.0.1:8090/pipeline"\nperiod_s = 30\n',
)
PROCESS = fed_by(
    "No process is watched yet.",
    "process",
    {"process": "my-bot", "running": True, "pid": 4242, "cpu_ratio": 0.12, "rss_bytes": 81000000, "restarts": 0},
    '[collectors.my-bot]\nkind = "process"\nprocess = "my-bot"\ncommand = "my_bot.py"\n',
)
HOST = fed_by(
    "No host has reported yet; the server watches its own host once it has run for a second.",
    "host",
    {"host": "vps-1", "cpu_ratio": 0.21, "memory_used_bytes": 1200000000, "memory_total_bytes": 4000000000, "memory_ratio": 0.3},
    '[collectors.host]\nkind = "host"\nperiod_s = 1\n',
)
SELF = Empty("The server has not measured itself yet; it does so every few seconds.")
COLLECTORS = Empty("No collector has run yet; the server's own host collector reports within ten seconds.")
OUTGOING = Empty(
    "No sign of life goes out. With one, a service outside notices when this host is gone.",
    (Snippet("toml", '[heartbeat]\nurl = "https://watchdog.example/ping/this-host"\nevery_s = 60\n'),),
)
DOCTOR = Empty("The command tapewatch doctor has not walked through this server in this range.")
REFUSALS = Empty("Nothing was refused since the server started.", is_fine=True)
QUARANTINE = Empty("Nothing is in quarantine: every row had a table, and every value a column.", is_fine=True)
STORAGE = Empty("Sizes are measured once a minute.")
GROWTH = Empty("Growth is known an hour after the start.")
QUOTA = Empty("No quota is set, or the store does not grow: growth is known after an hour.", (Snippet("toml", "[store]\nquota_gb = 10\n"),))
VERDICTS = Empty("Nothing is watched yet. Connect a bot, a feed or a daemon; every other dashboard shows how.")
