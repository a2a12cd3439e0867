"""Where a page of raw rows ended: an opaque word that stays valid while rows arrive."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, cast

from tapewatch.errors import QueryError


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: its ``ts`` and the columns behind it that make the order total."""

    values: tuple[str | int | None, ...]

    @property
    def ts(self) -> int:
        """Time of the row, microseconds."""
        return int(self.values[0] or 0)

    def encode(self) -> str:
        """Write it as a word that is safe in an address."""
        return base64.urlsafe_b64encode(json.dumps(self.values, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, word: str, length: int) -> Position:
        """Read what `encode` wrote.

        Raises:
            QueryError: It is not a cursor of this table.
        """
        wrong = QueryError(f"{word[:80]!r} is not a cursor of this table; take it from the page before", position="cursor")
        try:
            held: Any = json.loads(base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True))
        except (ValueError, binascii.Error) as problem:
            raise wrong from problem
        if not isinstance(held, list):
            raise wrong
        values = cast("list[Any]", held)
        if len(values) != length or type(values[0]) is not int or not all(value is None or type(value) in {str, int} for value in values):
            raise wrong
        return cls(tuple(values))
