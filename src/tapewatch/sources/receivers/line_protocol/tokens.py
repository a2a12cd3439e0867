"""Where the parts of many lines lie in a body: found with a handful of passes over its bytes, without a loop over lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

LINE_FEED, SPACE, EQUALS, COMMA, QUOTE, ODD = 1, 2, 3, 4, 5, 6

_CLASSES = bytearray(256)
for _sign, _class in ((b"\n", LINE_FEED), (b" ", SPACE), (b"=", EQUALS), (b",", COMMA), (b'"', QUOTE), (b"\r", ODD), (b"#", ODD)):
    _CLASSES[_sign[0]] = _class

FLOAT, INTEGER, UNSIGNED, MICROSECONDS, NANOSECONDS, BOOLEAN, TEXT, DOUBLE = range(8)
"""Types of values, as they are written."""
BAD = 255
_NUMBER, _BY_END = 254, np.full(256, BAD, np.uint8)

_BY_START = np.full(256, BAD, np.uint8)
_BY_START[list(b"0123456789-")] = _NUMBER
_BY_START[list(b"tTfF")] = BOOLEAN
_BY_START[ord('"')] = TEXT
_BY_END[list(b"0123456789")] = FLOAT
_BY_END[ord("i")] = INTEGER
_BY_END[ord("u")] = UNSIGNED
_ESCAPED_ENDS = (b"\\\\", b'\\"', b"\\\n", b"\\\r")
DOUBLE_MARK = 0x10
"""What stands behind the second equals sign of a binary double."""
_BINARY_MARKS = (b"\x10", b"\x0e", b"\x17")
"""What stands there in all binary values: to look for one sign is quicker than to look for two that are both frequent."""
WORD_BYTES = 8
_SPACES = 2
"""Spaces of a line with a time: before its fields and behind them."""
_TWO = 2
"""Bytes of the shortest text, two quotes, and of the shortest number with a suffix."""
_DOUBLE_BYTES = 9
"""Bytes of a binary double behind its second equals sign: the type and the number."""


@dataclass(slots=True)
class Layout:
    """Where the parts of a chunk's lines lie; positions are bytes of ``text``.

    Attributes:
        text: The chunk with what would mislead a search for delimiters made harmless.
        windows: The eight bytes from each byte on, as one number, the first byte lowest; beyond the end stand zeros.
        starts: First byte of each line, (n,).
        ends: Its line feed, (n,).
        is_odd: Lines to be read carefully, (n,); blank ones too.
        value_starts: First byte of each value of the other lines, in order, (v,).
        value_ends: The byte behind it, (v,).
        value_lines: Its line, (v,).
        types: How it is written, (v,).
        time_starts: First byte of a line's time, (n,); equal to ``ends`` where it has none.
        feeds: All line feeds, those between quotes too.
    """

    text: Bytes
    windows: Words
    starts: Positions
    ends: Positions
    is_odd: Mask
    value_starts: Positions
    value_ends: Positions
    value_lines: Positions
    types: Bytes
    time_starts: Positions
    feeds: Positions

    def without(self, bad: Mask) -> None:
        """Turn further lines into odd ones: ``bad`` says which values are not what they look like."""
        self.is_odd[self.value_lines[bad]] = True
        self.forget()

    def forget(self) -> None:
        """Leave out the values of odd lines."""
        kept = ~self.is_odd[self.value_lines]
        if not kept.all():
            self.value_starts, self.value_ends = self.value_starts[kept], self.value_ends[kept]
            self.value_lines, self.types = self.value_lines[kept], self.types[kept]


def lay_out(chunk: bytes, *, wide: bool) -> Layout | None:
    """The layout of a chunk that ends with a line feed; None when its lines cannot even be told apart without reading them one by one."""
    doubles = np.empty(0, np.int64)
    if wide and any(mark in chunk for mark in _BINARY_MARKS) and b"==" in chunk:
        harmless = _without_doubles(chunk)
        if harmless is None:
            return None
        chunk, doubles = harmless
    if (b"\\" in chunk and any(pair in chunk for pair in _ESCAPED_ENDS)) or not is_utf8(chunk):
        return None
    padded = chunk + bytes(WORD_BYTES - 1)
    text = np.frombuffer(padded, np.uint8, len(chunk))
    found = _delimiters(chunk, text)
    if found is None:
        return None
    at, kinds, quotes, feeds = found
    windows = np.ndarray((len(chunk),), "<u8", padded, strides=(1,))
    layout = _measured(text, windows, at, kinds, np.concatenate([doubles, quotes]), feeds)
    return None if layout is None else _typed(layout, doubles, wide=wide)


def _delimiters(chunk: bytes, text: Bytes) -> tuple[Positions, Bytes, Positions, Positions] | None:
    """Where delimiters stand that are neither escaped nor between quotes, which they are, and where quotes and all line feeds stand."""
    classes = np.frombuffer(chunk.translate(bytes(_CLASSES)), np.uint8)
    at = np.flatnonzero(classes != 0)
    kinds = classes[at]
    if b"\\" in chunk:
        plain = (kinds == LINE_FEED) | (text[at - 1] != ord("\\"))
        at, kinds = at[plain], kinds[plain]
    feeds = at[kinds == LINE_FEED]
    if b'"' not in chunk:
        return at, kinds, at[:0], feeds
    quotes = np.flatnonzero(kinds == QUOTE)
    outside = _outside_quotes(text, at, quotes)
    return None if outside is None else (at[outside], kinds[outside], at[quotes], feeds)


def is_utf8(text: bytes) -> bool:
    """Whether all of it can be decoded."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_doubles(chunk: bytes) -> tuple[bytes, Positions] | None:
    """The chunk with binary doubles overwritten, and where they began: at their second equals sign.

    None when it has other binary values, or one that is cut off.
    """
    if b"==\x0e" in chunk or b"==\x17" in chunk:
        return None
    if b"==\x10" not in chunk:
        return chunk, np.empty(0, np.int64)
    text = np.frombuffer(chunk, np.uint8).copy()
    equals = np.flatnonzero((text[:-2] == ord("=")) & (text[1:-1] == ord("=")) & (text[2:] == DOUBLE_MARK)) + 1
    if len(equals) > 1 and np.diff(equals).min() <= _DOUBLE_BYTES:  # what looks like one lies within another: read on from its end
        apart = [int(equals[0])]
        for place in equals[1:].tolist():
            if place > apart[-1] + _DOUBLE_BYTES:
                apart.append(place)
        equals = np.array(apart, np.int64)
    if equals[-1] + _DOUBLE_BYTES >= len(text):
        return None
    for offset in range(_DOUBLE_BYTES + 1):
        text[equals + offset] = ord("0")
    return text.tobytes(), equals


def _outside_quotes(text: Bytes, at: Positions, quotes: Positions) -> Mask | None:
    """Which delimiters stand outside of quotes, given by their places among them; None when quotes do not stand around whole values."""
    if len(quotes) % 2:
        return None
    first, last = quotes[0::2], quotes[1::2]
    if (text[at[first] - 1] != ord("=")).any():
        return None
    if not np.isin(text[at[last] + 1], np.frombuffer(b", \n", np.uint8)).all():
        return None
    return ~covered(len(at), first, last + 1)


def _measured(text: Bytes, windows: Words, at: Positions, kinds: Bytes, fragile: Positions, all_feeds: Positions) -> Layout | None:
    """``fragile`` are places of quotes and doubles: where one is not in a field of an ordinary line, nothing that follows is sure."""
    feeds, spaces = np.flatnonzero(kinds == LINE_FEED), np.flatnonzero(kinds == SPACE)
    ends = at[feeds]
    starts = np.append(0, ends[:-1] + 1)
    spaces_until = np.searchsorted(spaces, feeds)
    per_line = np.diff(spaces_until, prepend=0)
    is_odd = (per_line < 1) | (per_line > _SPACES) | (starts == ends)
    is_odd[np.searchsorted(feeds, np.flatnonzero(kinds == ODD))] = True
    # The first and the second space of each line, as places among the delimiters; those of odd lines are never looked at.
    padded = np.append(spaces, (0, 0))
    first = padded[spaces_until - per_line]
    second = np.where(per_line == _SPACES, padded[spaces_until - per_line + 1], feeds)
    time_starts = np.where(per_line == _SPACES, at[second] + 1, ends)
    is_odd |= (per_line == _SPACES) & (time_starts == ends)
    good = np.flatnonzero(~is_odd)
    in_fields = covered(len(at), first[good] + 1, second[good] + 1)
    sizes = np.where(is_odd, 0, second - first)
    places, is_equals = at[in_fields], kinds[in_fields] == EQUALS
    lines = np.repeat(np.arange(len(ends)), sizes)
    tangled = _tangled(is_equals, lines, sizes)
    if tangled is not None:
        is_odd |= tangled
        kept = ~tangled[lines]
        places, lines = places[kept], lines[kept]
    if len(fragile):
        of_fragile = np.searchsorted(ends, fragile)
        if (is_odd[of_fragile] | (fragile <= at[first][of_fragile]) | (fragile >= at[second][of_fragile])).any():
            return None
    types = np.empty(0, np.uint8)
    return Layout(text, windows, starts, ends, is_odd, places[0::2] + 1, places[1::2], lines[0::2], types, time_starts, all_feeds)


def _tangled(is_equals: Mask, lines: Positions, sizes: Positions) -> Mask | None:
    """Lines whose fields are not name, equals sign, value, comma, name … in this order; None when there is none.

    ``sizes`` are the delimiters in the fields of each line.
    """
    tangled = (sizes & 1).astype(np.bool_)
    if not tangled.any() and is_equals[0::2].all() and not is_equals[1::2].any():
        return None
    begins = np.cumsum(sizes) - sizes
    wrong = is_equals == ((np.arange(len(lines)) - begins[lines]) & 1).astype(np.bool_)
    tangled[lines[wrong]] = True
    return tangled


def _typed(layout: Layout, doubles: Positions, *, wide: bool) -> Layout | None:
    text = layout.text
    first, last = text[layout.value_starts], text[layout.value_ends - 1]
    types = _BY_START[first]
    numbers = types == _NUMBER
    by_end = _BY_END[last]
    if wide:
        by_end = np.where(last == ord("t"), MICROSECONDS, np.where(last == ord("n"), NANOSECONDS, by_end)).astype(np.uint8)
    types = np.where(numbers, by_end, types)
    length = layout.value_ends - layout.value_starts
    bad = (length < 1) | (types == BAD) | ((types == TEXT) & ((length < _TWO) | (last != ord('"'))))
    bad |= numbers & (types != FLOAT) & (length < _TWO)
    if len(doubles):
        hits = np.searchsorted(layout.value_starts, doubles)
        if hits[-1] >= len(types) or (layout.value_starts[hits] != doubles).any() or (length[hits] != _DOUBLE_BYTES + 1).any():
            return None
        types[hits] = DOUBLE
    bad |= (types == BOOLEAN) & ~_is_boolean(text, layout.value_starts, length, types)
    layout.types = types
    layout.without(bad)
    return layout


def _is_boolean(text: Bytes, starts: Positions, length: Positions, types: Bytes) -> Mask:
    """Which values are one of the ten words for true and false."""
    good = (types == BOOLEAN) & (length == 1)
    for size, words in ((4, b"true True TRUE"), (5, b"false False FALSE")):
        held = np.flatnonzero((types == BOOLEAN) & (length == size))
        if len(held):
            signs = text[starts[held, None] + np.arange(size)]
            allowed = np.array([list(word) for word in words.split()], np.uint8)
            good[held] = (signs[:, None, :] == allowed).all(axis=2).any(axis=1)
    return good


def shortened(layout: Layout) -> bytes:
    """The chunk without its values, times and odd lines: one line for each, a value replaced by a byte for its type.

    Two lines with one skeleton differ in nothing but values and times.
    """
    marked = layout.text.copy()
    marked[layout.value_starts - 1] = 0xF8 + layout.types
    timed = np.flatnonzero((layout.time_starts < layout.ends) & ~layout.is_odd)
    # Odd lines go away whole: a text in them may hold a line feed.
    odd = np.flatnonzero(layout.is_odd & (layout.starts < layout.ends))
    starts = np.sort(np.concatenate([layout.value_starts, layout.time_starts[timed], layout.starts[odd]]), kind="stable")
    ends = np.sort(np.concatenate([layout.value_ends, layout.ends[timed], layout.ends[odd]]), kind="stable")
    return marked[~covered(len(marked), starts, ends)].tobytes()


def covered(size: int, starts: Positions, ends: Positions) -> Mask:
    """Which of ``size`` bytes lie in one of the half-open spans, which are in order and do not overlap."""
    lengths = np.empty(2 * len(starts) + 1, np.int64)
    lengths[1::2] = ends - starts
    lengths[0::2] = np.append(starts, size) - np.append(0, ends)
    is_span = np.zeros(len(lengths), np.bool_)
    is_span[1::2] = True
    return np.repeat(is_span, lengths)
