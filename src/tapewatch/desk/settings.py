"""The settings with which tapewatch watches the desk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tapewatch.desk.addresses import Addresses

FEED_CHANNELS = ("trade", "book", "ticker")
"""Channels of a feed collector, in tapewatch's words; every simulated venue has them."""


def desk_settings(addresses: Addresses | Mapping[str, Any], *, http_collectors: bool = False) -> str:
    """Write the ``[collectors.*]`` part of a settings file: one feed collector per venue.

    The desk itself reports daemon, exchange and pipeline through the client. Collectors that poll the same daemon over HTTP would
    report everything a second time under other sources, and a sum over sources would count twice; so they are left out unless asked for.

    Args:
        addresses: Where the desk's parts listen; also as the decoded line that the desk prints.
        http_collectors: Add collectors of kind daemon, exchange and pipeline; meant for a desk that runs without a client.
    """
    known = addresses if isinstance(addresses, Addresses) else Addresses.of(addresses)
    tables = [
        _table(
            f"feed-{item.venue}", {"kind": "feed", "venue": item.venue, "url": item.url, "symbols": item.symbols, "channels": FEED_CHANNELS}
        )
        for item in known.venues
    ]
    if http_collectors:
        paths = {"daemon": "/status", "exchange": "/exchanges", "pipeline": "/pipeline"}
        tables += [_table(f"desk-{kind}", {"kind": kind, "url": known.daemon + path, "period_s": 5}) for kind, path in paths.items()]
    return "\n".join(tables)


def _table(name: str, fields: Mapping[str, object]) -> str:
    """Write a TOML table; JSON writes strings, numbers and lists of strings as TOML does."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join((f"[collectors.{name}]", *lines, ""))
