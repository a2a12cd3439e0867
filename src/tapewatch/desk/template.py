"""A message whose time fields can be moved: the text is taken apart once and put together at each sending."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class TimeForm(NamedTuple):
    """How a venue writes times.

    Attributes:
        pattern: Finds a time in a message; group 1 is the time alone.
        parse: Text of a time to microseconds since 1970.
        write: Microseconds since 1970 to text of the same form.
    """

    pattern: re.Pattern[str]
    parse: Callable[[str], int]
    write: Callable[[int], str]


class Template:
    """Text pieces with times between them; everything but the times stays byte for byte."""

    __slots__ = ("_pieces", "_times_us", "_write")

    def __init__(self, text: str, form: TimeForm) -> None:
        pieces: list[str] = []
        times_us: list[int] = []
        end = 0
        for found in form.pattern.finditer(text):
            pieces.append(text[end : found.start(1)])
            times_us.append(form.parse(found.group(1)))
            end = found.end(1)
        pieces.append(text[end:])
        self._pieces = tuple(pieces)
        self._times_us = tuple(times_us)
        self._write = form.write

    @property
    def times_us(self) -> tuple[int, ...]:
        """Times of the message as recorded, in the order of the text."""
        return self._times_us

    def render(self, shift_us: int = 0) -> str:
        """Write the message with every time moved by ``shift_us`` microseconds."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        written = [pieces[0]]
        for time_us, piece in zip(self._times_us, pieces[1:], strict=True):
            written.append(self._write(time_us + shift_us))
            written.append(piece)
        return "".join(written)
