"""Who hands in rows: the holder of the server's token, of one source's token, or anybody."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.types import Scope

from tapewatch.model.rows import Delivery

_KEY = "tapewatch.sender"


@dataclass(frozen=True, slots=True)
class Sender:
    """What a request has proved.

    Attributes:
        source: The source whose token it carried; None for none.
        is_trusted: Whether it carried the server's own token, and may speak for any source.
    """

    source: str | None = None
    is_trusted: bool = False


ANYBODY = Sender()


class SourceTokens:
    """Tokens of single sources.

    Args:
        tokens: Source to token.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = {name: token.encode() for name, token in tokens.items()}
        self.sources = frozenset(tokens)

    def source_of(self, given: bytes) -> str | None:
        """The source that a token belongs to; takes the same time whichever it is."""
        found = [name for name, token in self._tokens.items() if hmac.compare_digest(given, token)]
        return found[0] if found else None

    def signed(self, delivery: Delivery, sender: Sender, size_bytes: int) -> Delivery:
        """A delivery with what its sender may name, and with the size of its body."""
        barred = frozenset[str]() if sender.is_trusted or sender.source else self.sources
        return replace(delivery, size_bytes=size_bytes, bound_to=sender.source, barred=barred)


def remember(scope: Scope, sender: Sender) -> None:
    """Note who a request comes from."""
    scope[_KEY] = sender


def sender_of(scope: Scope) -> Sender:
    """Who a request comes from."""
    return scope.get(_KEY, ANYBODY)
