"""What a recording must not hold: passwords and keys of addresses and subscriptions, also where a venue repeats them.

A rule that looked for words such as ``token`` would miss the next venue's word. So what is public is named, and the rest is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import msgspec

from tapewatch.sources.collectors.feed.recorder.hiding import HIDDEN, SHORTEST, Hider

_PUBLIC_QUERY = "streams"
"""The one part of a query that is shown: Binance's addresses name the streams there."""

_QUERY_NAME = re.compile(r"[A-Za-z_]{1,32}")
"""What stands before ``=`` in a query and is a name: a key without a name has digits."""

_LEAST = 4
"""Shorter texts and numbers are no secret that anybody would use, and stand in every message."""

_LEAST_BESIDE_STREAMS = 6
"""The same for numbers of a message that names streams: depths and intervals are shorter."""

_LEAST_INSIDE = 5
"""A symbol or channel of so many letters is also found inside a longer word."""

_WORD = re.compile(r"[a-z._:\-]+")
"""A word of the protocol such as ``subscribe``: keys have digits or capitals."""


@dataclass(frozen=True, slots=True)
class Discretion:
    """What is written of a connection.

    Attributes:
        public_host: Host whose addresses hold no secret in their path; of any other the path is not written.
        hides_sent: Whether what is sent is the reader's own and not written, because a key or a signature may be in it.
        hider: Hides what is secret in received messages and in reasons.
    """

    public_host: str = ""
    hides_sent: bool = False
    hider: Hider = field(default_factory=Hider)

    def address(self, url: str) -> str:
        """An address without user, password, and whatever else may be secret in it."""
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        path = parts.path if parts.hostname == self.public_host or parts.path in {"", "/"} else f"/{HIDDEN}"
        query = "&".join(map(_shown, _pairs(parts.query)))
        return "".join(f"{parts.scheme}://{place}{path}{'?' if query else ''}{query}".split())

    def sent(self, text: str) -> str:
        """A message that was sent, or how long it was."""
        return f"{HIDDEN} ({len(text)} characters)" if self.hides_sent else text

    def received(self, message: bytes) -> bytes:
        """A received message; a venue may repeat what it was asked."""
        return self.hider.hide(message)

    def reason(self, text: str) -> str:
        """Why a connection ended; the venue may have said it."""
        return self.hider.hide(text.encode(errors="replace")).decode(errors="replace")


def of_venue(public: str, address: str) -> Discretion:
    """A venue with a file: its subscriptions are made of symbols and channels.

    Args:
        public: The venue's own address.
        address: The one that is used; it may be a proxy with a key.
    """
    host = urlsplit(public).hostname or ""
    found = _of_address(address, has_path=urlsplit(address).hostname != host)
    return Discretion(public_host=host, hider=Hider(text for text in found if _may_be_secret(text, ())))


def of_description(url: str, sent: Iterable[str], public: Iterable[str]) -> Discretion:
    """A venue that the settings describe: what they say to send may hold anything.

    Args:
        url: Its address.
        sent: The messages to send.
        public: Symbols and channels; a text that is made of them, or is in one, is no secret.
    """
    words = tuple(filter(None, public))
    found = {text for text in _of_address(url, has_path=True) if _may_be_secret(text, words)}
    for message in sent:
        found |= set(_of_message(message, words))
    return Discretion(hides_sent=True, hider=Hider(found))


def _of_address(url: str, *, has_path: bool) -> Iterator[str]:
    """Every text in an address that may be secret, as it stands there and as it is meant."""
    parts = urlsplit(url)
    found = [parts.username or "", parts.password or "", *(parts.path.split("/") if has_path else ())]
    for name, value in _pairs(parts.query):
        if name != _PUBLIC_QUERY:
            found += [value] if _is_name(name, value) else [name, value, f"{name}={value}"]
    for text in found:
        yield from {text, unquote(text), text.rstrip("=")}


def _of_message(message: str, words: Sequence[str]) -> Iterator[str]:
    """What may be secret in a message."""
    texts, numbers = _leaves_of(message)
    names_streams = any(_is_public(text, words) for text in texts)
    least = _LEAST_BESIDE_STREAMS if names_streams else _LEAST
    for text in texts:
        parts = [text, *text.split()]
        yield from (part for part in parts if _may_be_secret(part, words, least))
    yield from (number for number in numbers if sum(map(str.isdigit, number)) >= least)


def _may_be_secret(text: str, words: Sequence[str], least_digits: int = _LEAST) -> bool:
    least = least_digits if text.isdecimal() else _LEAST
    return len(text) >= least and not _WORD.fullmatch(text) and not _is_public(text, words)


def _is_public(text: str, words: Sequence[str]) -> bool:
    """Whether a text names streams: a key may hold one letter of a channel by chance, and a stream may be named beside a key."""
    if any(text and text in word for word in words):
        return True
    rest = text
    for word in sorted(words, key=len, reverse=True):
        form = re.escape(word)
        rest = re.sub(form if len(word) >= _LEAST_INSIDE else rf"(?<![^\W_]){form}(?![^\W_])", " ", rest)
    return rest != text and all(len(part) < SHORTEST or _WORD.fullmatch(part) for part in re.split(r"[^\w+/=\-]+", rest))


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Names and values of a query; one without a name has no value."""
    for pair in re.split(r"[&?;]", query):
        if pair:
            name, _, value = pair.partition("=")
            yield name, value


def _is_name(name: str, value: str) -> bool:
    return bool(value.strip("=")) and _QUERY_NAME.fullmatch(name) is not None


def _shown(pair: tuple[str, str]) -> str:
    name, value = pair
    if name == _PUBLIC_QUERY:
        return f"{name}={value}"
    return f"{name}={HIDDEN}" if _is_name(name, value) else HIDDEN


def _leaves_of(message: str) -> tuple[list[str], list[str]]:
    """Every text and every number in a message; the whole of one that is no JSON."""
    try:
        leaves = list(_leaves(msgspec.json.decode(message)))
    except msgspec.DecodeError:
        return [message], []
    numbers = [str(leaf) for leaf in leaves if isinstance(leaf, int | float) and not isinstance(leaf, bool)]
    return [leaf for leaf in leaves if isinstance(leaf, str)], numbers


def _leaves(value: Any) -> Iterator[Any]:  # noqa: ANN401 - decoded JSON
    if isinstance(value, Mapping):
        for one in cast("Mapping[str, Any]", value).values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _leaves(one)
    else:
        yield value
