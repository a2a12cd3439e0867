"""Many lines at once: lines of one shape become columns without a loop over lines; what is unusual is left to be read carefully."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from tapewatch.model.rows import NULL_TIME, Coded, RawColumn, Times
from tapewatch.sources.receivers.line_protocol import tokens
from tapewatch.sources.receivers.line_protocol.grammar import NS_PER_US, Grammar
from tapewatch.sources.receivers.line_protocol.line import Line, Unreadable, read_lines
from tapewatch.sources.receivers.line_protocol.tokens import Layout, Mask, Positions

CHUNK_BYTES = 1024 * 1024
"""Bytes that are looked at together: they and what is computed of them stay in the processor's cache."""

_JSON_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LOOK_AHEAD = 64
_DOUBLE, _DOUBLE_BYTES = b"==\x10", 10
_BLANK = ord(" ")
_LONGEST_TIME = 19
_WORD_BYTES = 8
_ZEROS = np.uint64(0x3030303030303030)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_DIGITS_ONLY = np.uint64(0x3333333333333333)
_EVERY_OTHER = np.uint64(0x000000FF000000FF)


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one table that have the same columns.

    Attributes:
        table: Where they belong.
        numbers: Which line of the body each is, from 0, (n,).
        columns: Tags and fields.
        times: Their own times in units of ``units_ns``, `NULL_TIME` = none, (n,).
        units_ns: Nanoseconds of one unit of each time; 0 where the address says it, (n,).
    """

    table: str
    numbers: Positions
    columns: dict[str, RawColumn]
    times: Times
    units_ns: Times


@dataclass(frozen=True, slots=True)
class _Shape:
    table: str
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    types: bytes


@dataclass(slots=True)
class Quick:
    """Reads a body; remembers the shapes of its lines from one chunk to the next.

    Args:
        grammar: The dialect.
    """

    grammar: Grammar
    _known: dict[bytes, tuple[_Shape, tuple[str, ...]]] = field(default_factory=dict[bytes, tuple[_Shape, tuple[str, ...]]])

    def read(self, body: bytes) -> Iterator[Piece | Line | Unreadable]:
        """All lines of a body, as pieces or one by one; in no order."""
        if body.endswith(b"\\"):  # it would protect the line feed that is added
            yield from read_lines(body, self.grammar)
            return
        if body and not body.endswith(b"\n"):
            body += b"\n"
        at = number = 0
        while at < len(body):
            end = _chunk_end(body, at)
            chunk = body[at:end]
            layout = tokens.lay_out(chunk, wide=self.grammar.wide)
            if layout is None:  # where its lines end is not sure, and so not where the next chunk begins
                yield from read_lines(body, self.grammar, at, number=number)
                return
            yield from self._chunk(chunk, layout, number)
            number += len(layout.feeds)
            at = end

    def _chunk(self, chunk: bytes, layout: Layout, number: int) -> Iterator[Piece | Line | Unreadable]:
        numbers = _Numbers.read(layout)
        times, units_ns = _times(layout, wide=self.grammar.wide)
        pieces = list(self._pieces(chunk, layout, numbers, times, units_ns))
        feeds = layout.feeds
        has_long_lines = len(feeds) != len(layout.ends)
        for piece in pieces:
            at = np.searchsorted(feeds, layout.starts[piece.numbers]) if has_long_lines else piece.numbers
            yield Piece(piece.table, at + number, piece.columns, piece.times, piece.units_ns)
        for line in np.flatnonzero(layout.is_odd & (layout.starts < layout.ends)).tolist():
            start = int(layout.starts[line])
            at = int(np.searchsorted(feeds, start))
            yield from read_lines(chunk, self.grammar, start, int(layout.ends[line]) + 1, at + number)

    def _pieces(self, chunk: bytes, layout: Layout, numbers: _Numbers, times: Times, units_ns: Times) -> Iterator[Piece]:
        shapes, of_line, series_of, words_of = self._shapes(chunk, layout)
        order = np.argsort(of_line.astype(np.int16) if len(shapes) < 2**15 else of_line, kind="stable")
        bounds = np.searchsorted(of_line[order], np.arange(len(shapes) + 1))
        first_value = np.searchsorted(layout.value_lines, np.arange(len(layout.starts)))
        numbers.count(layout)
        for i, shape in enumerate(shapes):
            lines = order[bounds[i] : bounds[i + 1]]
            if not len(lines):
                continue
            columns: dict[str, RawColumn] = _tag_columns(shape, series_of[lines], words_of)
            values = first_value[lines]
            for j, name in enumerate(shape.fields):
                columns[name] = _column(shape.types[j], chunk, layout, numbers, values + j, self.grammar)
            yield Piece(shape.table, lines, columns, times[lines], units_ns[lines])

    def _shapes(self, chunk: bytes, layout: Layout) -> tuple[list[_Shape], Positions, Positions, list[tuple[str, ...]]]:
        """The shapes, the shape of each line (-1 for odd ones), the series of each line, and the tags of each series."""
        skeletons = tokens.shortened(layout).split(b"\n")[:-1]
        places = {skeleton: i for i, skeleton in enumerate(dict.fromkeys(skeletons))}
        series_of = np.fromiter(map(places.__getitem__, skeletons), np.int64, len(skeletons))
        example_of = np.empty(len(places), np.int64)
        good = np.flatnonzero(~layout.is_odd)
        example_of[:] = -1
        example_of[series_of[good[::-1]]] = good[::-1]
        shapes: dict[_Shape, int] = {}
        words_of: list[tuple[str, ...]] = []
        shape_of = np.full(len(places), -1, np.int64)
        for skeleton, i in places.items():
            known = self._shape(skeleton, chunk, layout, int(example_of[i])) if example_of[i] >= 0 else None
            words_of.append(known[1] if known else ())
            if known is not None:
                shape_of[i] = shapes.setdefault(known[0], len(shapes))
        of_line = np.where(layout.is_odd, -1, shape_of[series_of])
        layout.is_odd |= of_line < 0
        return list(shapes), of_line, series_of, words_of

    def _shape(self, skeleton: bytes, chunk: bytes, layout: Layout, example: int) -> tuple[_Shape, tuple[str, ...]] | None:
        """What the careful reader says of one line with this skeleton; None when it has no shape."""
        known = self._known.get(skeleton)
        if known is not None:
            return known
        found = list(read_lines(chunk, self.grammar, int(layout.starts[example]), int(layout.ends[example]) + 1))
        if len(found) != 1 or not isinstance(found[0], Line) or doubled_name(found[0]) is not None:
            return None
        line = found[0]
        first, end = np.searchsorted(layout.value_lines, [example, example + 1]).tolist()
        types = layout.types[first:end].tobytes()
        if len(types) != len(line.fields):
            return None
        tags, words = tuple(name for name, _ in line.tags), tuple(word for _, word in line.tags)
        known = self._known[skeleton] = _Shape(line.table, tags, tuple(name for name, _ in line.fields), types), words
        return known


def doubled_name(line: Line) -> str | None:
    """A name that stands twice among the tags and fields of a line."""
    seen: set[str] = set()
    for name, _ in (*line.tags, *line.fields):
        if name in seen:
            return name
        seen.add(name)
    return None


def _chunk_end(body: bytes, at: int) -> int:
    """The end of a line near the end of a chunk.

    It is a line feed that is not within a binary double, nor between quotes as far as counting can tell; that stops after some lines, since
    with doubles in the body quotes may be part of them.
    """
    counted, quotes = at, 0
    found = body.find(b"\n", min(at + CHUNK_BYTES, len(body) - 1))
    for _ in range(_LOOK_AHEAD):
        quotes += body.count(b'"', counted, found)
        if quotes % 2 == 0 and body.rfind(_DOUBLE, max(at, found - _DOUBLE_BYTES), found) < 0:
            break
        counted = found
        following = body.find(b"\n", found + 1)
        if following < 0:
            return len(body)
        found = following
    return found + 1


@dataclass(slots=True)
class _Numbers:
    """The numbers among the values of a chunk: all as float64 (v,), the whole ones as int64 too, both in the order of the values."""

    floats: np.ndarray[tuple[int], np.dtype[np.float64]]
    integers: Times
    float_at: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    integer_at: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    def count(self, layout: Layout) -> None:
        """Note which number each value is."""
        is_number = layout.types <= tokens.NANOSECONDS
        self.float_at = np.cumsum(is_number) - 1
        self.integer_at = np.cumsum(is_number & (layout.types != tokens.FLOAT)) - 1

    @classmethod
    def read(cls, layout: Layout) -> _Numbers:
        """Read them; lines with one that is not written as JSON writes it, or does not fit, become odd."""
        while True:
            is_number = layout.types <= tokens.NANOSECONDS
            types = layout.types[is_number]
            starts, ends = layout.value_starts[is_number], layout.value_ends[is_number] - (types != tokens.FLOAT)
            bad = np.zeros(len(types), np.bool_)
            try:
                values = _json_numbers(layout.text, starts, ends)
            except orjson.JSONDecodeError:
                bad = _not_json(layout.text.tobytes(), starts, ends)
                values = []
            if not bad.any():
                found = cls._typed(values, types, bad)
                if found is not None:
                    return found
            wrong = np.zeros(len(layout.types), np.bool_)
            wrong[np.flatnonzero(is_number)[bad]] = True
            layout.without(wrong)

    @classmethod
    def _typed(cls, values: list[float], types: tokens.Bytes, bad: Mask) -> _Numbers | None:
        floats = np.array(values, np.float64)
        is_whole = types != tokens.FLOAT
        whole = values if is_whole.all() else [values[i] for i in np.flatnonzero(is_whole).tolist()]
        integers = np.array(whole) if whole else np.empty(0, np.int64)
        bad |= np.isinf(floats)
        if integers.dtype != np.int64:
            bad[np.flatnonzero(is_whole)] = [type(value) is not int or value >= 2**63 for value in whole]
        else:
            bad[np.flatnonzero(is_whole)] |= (integers < 0) & (types[is_whole] == tokens.UNSIGNED)
        if bad.any():
            return None
        nanoseconds = types[is_whole] == tokens.NANOSECONDS
        return cls(floats, np.where(nanoseconds, integers // NS_PER_US, integers))


def _json_numbers(text: tokens.Bytes, starts: Positions, ends: Positions) -> list[float]:
    """Numbers that lie in these spans, read as one JSON list: everything else is made blank, and a comma follows each.

    Raises:
        orjson.JSONDecodeError: One of them is no JSON.
    """
    if not len(starts):
        return []
    # Arithmetic is quicker than a choice: (sign - blank) * is covered + blank, in bytes that wrap around.
    listed = text - np.uint8(_BLANK)
    listed *= tokens.covered(len(text), starts, ends)
    listed += np.uint8(_BLANK)
    listed[ends] = ord(",")
    listed[ends[-1]] = _BLANK
    found: list[float] = orjson.loads(b"[" + listed.tobytes() + b"]")
    if len(found) != len(starts):
        raise orjson.JSONDecodeError("numbers were lost", "", 0)
    return found


def _not_json(text: bytes, starts: Positions, ends: Positions) -> Mask:
    """Which of the spans hold no number that JSON has, or one beyond the range of a float; all when none is found."""
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    bad = np.array([not _JSON_NUMBER.fullmatch(text, a, b) or math.isinf(float(text[a:b])) for a, b in spans], np.bool_)
    return bad if bad.any() else ~bad


def _times(layout: Layout, *, wide: bool) -> tuple[Times, Times]:
    """The time of each line, `NULL_TIME` for none, and its unit in nanoseconds, 0 for that of the address; unreadable ones become odd."""
    text, starts, ends = layout.text, layout.time_starts, layout.ends
    times = np.full(len(starts), NULL_TIME, np.int64)
    units_ns = np.zeros(len(starts), np.int64)
    last = text[ends - 1]
    timed = (starts < ends) & ~layout.is_odd
    if wide:
        units_ns[timed & (last == ord("n"))] = 1
        units_ns[timed & (last == ord("t"))] = NS_PER_US
    sizes = np.where(timed, ends - starts - (units_ns > 0), 0)
    bad = timed & (sizes < 1)
    windows = _windows(text)
    for size in np.unique(sizes[timed & ~bad]).tolist():
        lines = np.flatnonzero(sizes == size)
        if size > _LONGEST_TIME:
            bad[lines] = True
        else:
            times[lines], bad[lines] = _digits(windows, starts[lines], size)
    layout.is_odd |= bad
    layout.forget()
    return times, units_ns


def _windows(text: tokens.Bytes) -> npt.NDArray[np.uint64]:
    """The eight bytes from each byte on, as one number, the first byte lowest; beyond the end stand zeros."""
    padded = np.append(text, np.zeros(_WORD_BYTES - 1, np.uint8)).tobytes()
    return np.ndarray((len(text),), "<u8", padded, strides=(1,))


def _digits(windows: npt.NDArray[np.uint64], starts: Positions, size: int) -> tuple[Times, Mask]:
    """Numbers of ``size`` digits, eight at a time, and which are none; nineteen digits that do not fit into 64 bits are none."""
    total = np.zeros(len(starts), np.int64)
    wrong = np.zeros(len(starts), np.bool_)
    at, left = starts, size
    while left:
        count = left % _WORD_BYTES or _WORD_BYTES
        shift = np.uint64(8 * (_WORD_BYTES - count))
        # Fewer than eight digits move to the end of the word, and zeros are put before them.
        word = (windows[at] << shift) | (_ZEROS & ((np.uint64(1) << shift) - np.uint64(1)))
        wrong |= ((word & _HIGH) | (((word + _SIX) & _HIGH) >> np.uint64(4))) != _DIGITS_ONLY
        # Pairs of digits, then four, then eight: each step adds neighbours, the earlier one times a power of ten.
        word -= _ZEROS
        word = word * np.uint64(10) + (word >> np.uint64(8))
        pairs, others = word & _EVERY_OTHER, (word >> np.uint64(16)) & _EVERY_OTHER
        eight = (pairs * np.uint64(100 + (1_000_000 << 32)) + others * np.uint64(1 + (10_000 << 32))) >> np.uint64(32)
        total = total * 10**count + eight.astype(np.int64)
        at, left = at + count, left - count
    return total, wrong | (total < 0)


def _tag_columns(shape: _Shape, series: Positions, words_of: list[tuple[str, ...]]) -> dict[str, RawColumn]:
    held = np.unique(series) if shape.tags else series[:0]
    codes = np.zeros(len(words_of), np.int32)
    columns: dict[str, RawColumn] = {}
    for j, name in enumerate(shape.tags):
        words: list[str | None] = [words_of[i][j] or None for i in held.tolist()]  # an empty tag is none
        coded = Coded.of(words)
        codes[held] = coded.codes
        columns[name] = Coded(codes[series], coded.values)
    return columns


def _column(type_: int, chunk: bytes, layout: Layout, numbers: _Numbers, at: Positions, grammar: Grammar) -> RawColumn:
    starts = layout.value_starts[at]
    match type_:
        case tokens.FLOAT:
            return numbers.floats[numbers.float_at[at]]
        case tokens.INTEGER | tokens.UNSIGNED | tokens.MICROSECONDS | tokens.NANOSECONDS:
            return numbers.integers[numbers.integer_at[at]]
        case tokens.BOOLEAN:
            return np.isin(layout.text[starts], np.frombuffer(b"tT", np.uint8))
        case tokens.DOUBLE:
            raw = np.frombuffer(chunk, np.uint8)[starts[:, None] + np.arange(2, 10)]
            return np.ascontiguousarray(raw).view("<f8").ravel().astype(np.float64)
        case _:
            return _texts(chunk, starts + 1, layout.value_ends[at] - 1, grammar)


def _texts(chunk: bytes, starts: Positions, ends: Positions, grammar: Grammar) -> Coded:
    found = [chunk[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    places = {text: i for i, text in enumerate(dict.fromkeys(found))}
    codes = np.fromiter(map(places.__getitem__, found), np.int32, len(found))
    words = [(grammar.text_escape.sub(rb"\1", text) if b"\\" in text else text).decode() for text in places]
    if len(set(words)) == len(words):
        return Coded(codes, tuple(words))
    merged = Coded.of(words)
    return Coded(merged.codes[codes], merged.values)
