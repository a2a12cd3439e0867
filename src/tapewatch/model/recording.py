"""Recorded traffic of a WebSocket connection: the form of its lines, and gzip text that may end in the middle. Reads no file itself.

Lines: ``URL <-> time`` (connection opened), ``URL <- time: message`` (sent by the recorder), ``URL -> time: body`` (REST answer),
``time: message`` (received). Times are seconds since 1970 as decimal text, on the recorder's clock. What a recorder has to say itself is
written as if it were sent to an address that begins with ``tapewatch:``, so that who does not know it passes over it; so is, in base64, a
received message that is no line of UTF-8 text.
"""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

US_PER_S = 1_000_000

SUFFIX = ".gz"

_TIME = r"(\d+(?:\.\d+)?)"
_RECEIVED = re.compile(rf"{_TIME}: (.*)", re.DOTALL)
_OPENED = re.compile(rf"(\S+) <-> {_TIME}")
_TOLD = re.compile(rf"(\S+) (<-|->) {_TIME}: (.*)", re.DOTALL)

_CLOSED, _MISSING = "tapewatch:closed", "tapewatch:missing"
_BINARY, _CONTINUED = "tapewatch:binary", "tapewatch:continued"
_GZIP = 16 + zlib.MAX_WBITS


class Kind(Enum):
    """What a line says."""

    RECEIVED = auto()
    BINARY = auto()  # received too, but no line of text; the text is its base64
    OPENED = auto()
    SENT = auto()
    ANSWERED = auto()
    CLOSED = auto()  # the connection ended; the text says why
    MISSING = auto()  # messages that came were not written; the text says how many
    CONTINUED = auto()  # the lines before this one repeat how the connection began; the file begins now


class Line(NamedTuple):
    """One line.

    Attributes:
        kind: What it says.
        at_us: When, µs since 1970 on the recorder's clock.
        text: The message, the body, the reason or the number.
        url: Address of the connection or the request; empty where the line names none.
    """

    kind: Kind
    at_us: int
    text: str = ""
    url: str = ""

    @property
    def message(self) -> bytes:
        """A received message, as it came."""
        return b64decode(self.text) if self.kind is Kind.BINARY else self.text.encode()


_OWN = {_CLOSED: Kind.CLOSED, _MISSING: Kind.MISSING, _BINARY: Kind.BINARY, _CONTINUED: Kind.CONTINUED}


def parsed(line: str) -> Line | None:
    """Read one line, without its end; None for an empty one.

    >>> parsed("1700000000.5: {}")
    Line(kind=<Kind.RECEIVED: 1>, at_us=1700000000500000, text='{}', url='')

    Raises:
        ValueError: It has none of the forms.
    """
    if found := _RECEIVED.fullmatch(line):
        return Line(Kind.RECEIVED, _us(found[1]), found[2])
    if found := _TOLD.fullmatch(line):
        kind = _OWN.get(found[1], Kind.SENT if found[2] == "<-" else Kind.ANSWERED)
        if kind is Kind.BINARY:
            _check_base64(found[4])
        return Line(kind, _us(found[3]), found[4], "" if found[1] in _OWN else found[1])
    if found := _OPENED.fullmatch(line):
        return Line(Kind.OPENED, _us(found[2]), url=found[1])
    if line.strip():
        raise ValueError(f"neither a received message nor an event of the recorder: {line[:80]!r}")
    return None


def received(at_us: int, message: bytes) -> bytes:
    r"""Write a received message; a line break between the parts of JSON becomes a space, which means the same there.

    >>> received(1_700_000_000_000_042, b"{}")
    b'1700000000.000042: {}\n'
    """
    if not _is_utf8(message):
        return sent(at_us, _BINARY, b64encode(message).decode())
    if b"\n" in message or b"\r" in message:
        if message.lstrip()[:1] not in {b"{", b"["}:
            return sent(at_us, _BINARY, b64encode(message).decode())
        message = message.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"%d.%06d: %b\n" % (*divmod(at_us, US_PER_S), message)


def opened(at_us: int, url: str) -> bytes:
    """Write that a connection was opened."""
    return f"{url} <-> {_seconds(at_us)}\n".encode()


def sent(at_us: int, url: str, text: str) -> bytes:
    """Write a message that was sent."""
    return f"{url} <- {_seconds(at_us)}: {' '.join(text.splitlines())}\n".encode()


def closed(at_us: int, reason: str) -> bytes:
    """Write that the connection ended, and why."""
    return sent(at_us, _CLOSED, reason)


def missing(at_us: int, count: int) -> bytes:
    """Write that so many messages before this moment came and are not in the recording."""
    return sent(at_us, _MISSING, str(count))


def continued(at_us: int) -> bytes:
    """Write that the lines before repeat how the connection began, and that what follows begins now."""
    return sent(at_us, _CONTINUED, "")


class Lines:
    """The complete lines of a gzip text, of one or several members.

    A recording whose writer was killed ends in the middle: the lines before the tear are given, and ``is_torn`` says so afterwards.

    Args:
        chunks: The compressed bytes in order.

    Raises:
        ValueError: While iterating: they are no gzip data, or no text.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.is_torn = False

    def __iter__(self) -> Iterator[str]:
        rest = b""
        for data in self._unpacked():
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode().rstrip("\r") for line in whole)
        if rest and not self.is_torn:
            yield rest.decode()

    def _unpacked(self) -> Iterator[bytes]:
        unpacker, is_any = zlib.decompressobj(_GZIP), False
        for chunk in self._chunks:
            waiting = chunk
            while waiting:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP)
                try:
                    data = unpacker.decompress(waiting)
                except zlib.error as error:
                    if not is_any:
                        raise ValueError(f"no gzip data ({error})") from error
                    self.is_torn = True
                    return
                is_any = is_any or bool(data) or unpacker.eof
                waiting = unpacker.unused_data
                yield data
        self.is_torn = not unpacker.eof


def _is_utf8(message: bytes) -> bool:
    if message.isascii():
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_base64(text: str) -> None:
    try:
        b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64 ({error}): {text[:80]!r}") from error


def _us(text: str) -> int:
    return round(float(text) * US_PER_S)


def _seconds(at_us: int) -> str:
    return f"{at_us // US_PER_S}.{at_us % US_PER_S:06d}"
