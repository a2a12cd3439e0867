"""Where the desk's parts listen, and the settings with which tapewatch watches them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

SPOKEN = MappingProxyType({"kraken": "kraken_v1"})
"""Venues whose older protocol the desk speaks, and tapewatch's word for it."""

FEED_CHANNELS = ("trade", "book", "ticker")
"""Channels of a feed collector, in tapewatch's words; every simulated venue has them."""


@dataclass(frozen=True, slots=True)
class VenueAddress:
    """One simulated venue.

    Attributes:
        venue: Tapewatch's name of the venue.
        url: WebSocket address.
        symbols: As tapewatch spells them.
        time_url: HTTP address of its time call; empty when it has none.
    """

    venue: str
    url: str
    symbols: tuple[str, ...]
    time_url: str = ""

    def to_json(self) -> str:
        """Write one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Everything that can be watched.

    Attributes:
        venues: The simulated venues.
        daemon: HTTP address of the market-data daemon, without a path.
        env: Environment of all of it: simulated.
    """

    venues: tuple[VenueAddress, ...]
    daemon: str
    env: str = "paper"

    def to_json(self) -> str:
        """Write one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Addresses:
        """Read the object that `to_json` writes, already decoded.

        Raises:
            ValueError: It is not that object.
        """
        try:
            venues = tuple(VenueAddress(item["venue"], item["url"], tuple(item["symbols"]), item["time_url"]) for item in found["venues"])
            return cls(venues, str(found["daemon"]), str(found["env"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the addresses of a desk: {str(found)[:200]}") from error

    @classmethod
    def from_json(cls, line: str) -> Addresses:
        """Read the line that the desk prints when it is ready.

        Raises:
            ValueError: The line is not what `to_json` writes.
        """
        return cls.of(json.loads(line))


_OWN: dict[str, dict[str, object]] = {
    "daemon": {"period_s": 5},
    "exchange": {"period_s": 5},
    "pipeline": {"period_s": 10, "counts": "cumulative"},
}


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
            f"feed-{item.venue}",
            {
                "kind": "feed",
                "venue": SPOKEN.get(item.venue, item.venue),
                "url": item.url,
                "symbols": item.symbols,
                "channels": FEED_CHANNELS,
                **({"time_url": item.time_url} if item.time_url else {}),
            },
        )
        for item in known.venues
    ]
    if http_collectors:
        polled = {"daemon": "/status", "exchange": "/exchanges", "pipeline": "/pipeline"}
        tables += [_table(f"desk-{kind}", {"kind": kind, "url": known.daemon + path, **_OWN[kind]}) for kind, path in polled.items()]
    return "\n".join(tables)


def _table(name: str, fields: Mapping[str, object]) -> str:
    """Write a TOML table; JSON writes strings, numbers and lists of strings as TOML does."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join((f"[collectors.{name}]", *lines, ""))
