"""Many lines at once: lines of one shape become columns without a loop over lines; what is unusual is left to be read carefully."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tapewatch.model.rows import Coded, RawColumn, Times
from tapewatch.sources.receivers.line_protocol import tokens
from tapewatch.sources.receivers.line_protocol.grammar import Grammar
from tapewatch.sources.receivers.line_protocol.line import Line, Unreadable, read_lines
from tapewatch.sources.receivers.line_protocol.numbers import Numbers, line_times
from tapewatch.sources.receivers.line_protocol.shapes import Known, Shape, Shapes
from tapewatch.sources.receivers.line_protocol.tokens import Layout, Positions

CHUNK_BYTES = 1024 * 1024
"""Bytes that are looked at together: they and what is computed of them stay in the processor's cache."""

MANY_SHAPES, FEW_LINES = 64, 8
"""Where a chunk has more shapes than this, those with fewer lines are read one by one."""

_LOOK_AHEAD = 64
_TO_LOWER = np.uint8(0x20)
_DOUBLE, _DOUBLE_BYTES = b"==\x10", 10


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


@dataclass(slots=True)
class Quick:
    """Reads bodies; remembers the shapes of their lines.

    Args:
        grammar: The dialect.
        known: Shapes of earlier bodies in this dialect.
    """

    grammar: Grammar
    known: Shapes = field(default_factory=Shapes)

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
        times, units_ns = line_times(layout, wide=self.grammar.wide)
        numbers = Numbers.read(layout)  # last: a line whose time cannot be read takes its values out of the layout
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

    def _pieces(self, chunk: bytes, layout: Layout, numbers: Numbers, times: Times, units_ns: Times) -> Iterator[Piece]:
        shapes, of_line, series_of, words_of = self._shapes(chunk, layout)
        order = np.argsort(of_line.astype(np.int16) if len(shapes) < 2**15 else of_line, kind="stable")
        bounds = np.searchsorted(of_line[order], np.arange(len(shapes) + 1))
        values_of = np.bincount(layout.value_lines, minlength=len(layout.starts))
        first_value = np.cumsum(values_of) - values_of
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

    def _shapes(self, chunk: bytes, layout: Layout) -> tuple[list[Shape], Positions, Positions, list[tuple[str, ...]]]:
        """The shapes, the shape of each line (-1 for odd ones), the series of each line, and the tags of each series."""
        skeletons = tokens.shortened(layout).split(b"\n")[:-1]
        places = {skeleton: i for i, skeleton in enumerate(dict.fromkeys(skeletons))}
        series_of = np.fromiter(map(places.__getitem__, skeletons), np.int64, len(skeletons))
        example_of = np.empty(len(places), np.int64)
        good = np.flatnonzero(~layout.is_odd)
        example_of[:] = -1
        example_of[series_of[good[::-1]]] = good[::-1]
        shapes: dict[Shape, int] = {}
        words_of: list[tuple[str, ...]] = []
        shape_of = np.full(len(places), -1, np.int64)
        for skeleton, i in places.items():
            known = self._shape(skeleton, chunk, layout, int(example_of[i])) if example_of[i] >= 0 else None
            words_of.append(known[1] if known else ())
            if known is not None:
                shape_of[i] = shapes.setdefault(known[0], len(shapes))
        of_line = np.where(layout.is_odd, -1, shape_of[series_of])
        if len(shapes) > MANY_SHAPES:  # columns of a few rows each cost more than reading them
            sizes = np.bincount(of_line[of_line >= 0], minlength=len(shapes))
            of_line = np.where(sizes[of_line] < FEW_LINES, -1, of_line)
        layout.is_odd |= of_line < 0
        return list(shapes), of_line, series_of, words_of

    def _shape(self, skeleton: bytes, chunk: bytes, layout: Layout, example: int) -> Known | None:
        """What the careful reader says of one line with this skeleton; None when it has no shape."""
        known = self.known.get(skeleton)
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
        known = Shape(line.table, tags, tuple(name for name, _ in line.fields), types), words
        self.known.keep(skeleton, known)
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


def _tag_columns(shape: Shape, series: Positions, words_of: list[tuple[str, ...]]) -> dict[str, RawColumn]:
    held = np.flatnonzero(np.bincount(series, minlength=len(words_of))) if shape.tags else series[:0]
    codes = np.zeros(len(words_of), np.int32)
    columns: dict[str, RawColumn] = {}
    for j, name in enumerate(shape.tags):
        words: list[str | None] = [words_of[i][j] or None for i in held.tolist()]  # an empty tag is none
        coded = Coded.of(words)
        codes[held] = coded.codes
        columns[name] = Coded(codes[series], coded.values)
    return columns


def _column(type_: int, chunk: bytes, layout: Layout, numbers: Numbers, at: Positions, grammar: Grammar) -> RawColumn:
    starts = layout.value_starts[at]
    match type_:
        case tokens.FLOAT:
            return numbers.floats[numbers.float_at[at]]
        case tokens.INTEGER | tokens.UNSIGNED | tokens.MICROSECONDS | tokens.NANOSECONDS:
            return numbers.integers[numbers.integer_at[at]]
        case tokens.BOOLEAN:
            return layout.text[starts] | _TO_LOWER == ord("t")
        case tokens.DOUBLE:
            raw = np.frombuffer(chunk, np.uint8)[starts[:, None] + np.arange(2, 10)]
            return np.ascontiguousarray(raw).view("<f8").ravel().astype(np.float64)
        case _:
            return _texts(chunk, starts + 1, layout.value_ends[at] - 1, grammar)


def _texts(chunk: bytes, starts: Positions, ends: Positions, grammar: Grammar) -> Coded:
    found = [chunk[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    places = {text: i for i, text in enumerate(dict.fromkeys(found))}
    codes = np.fromiter(map(places.__getitem__, found), np.int32, len(found))
    if b"\\" not in chunk:
        return Coded(codes, tuple(b'"'.join(places).decode().split('"')))  # a quote ends a text, so that none holds one
    words = [(grammar.text_escape.sub(rb"\1", text) if b"\\" in text else text).decode() for text in places]
    if len(set(words)) == len(words):
        return Coded(codes, tuple(words))
    merged = Coded.of(words)
    return Coded(merged.codes[codes], merged.values)
