"""Where the desk's parts listen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class VenueAddress:
    """One simulated venue.

    Attributes:
        venue: Tapewatch's name of the venue.
        url: WebSocket address.
        symbols: As tapewatch spells them.
    """

    venue: str
    url: str
    symbols: tuple[str, ...]

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
            venues = tuple(VenueAddress(item["venue"], item["url"], tuple(item["symbols"])) for item in found["venues"])
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
