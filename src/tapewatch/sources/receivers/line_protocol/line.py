"""One line after the other, read carefully: the reference for the quick way, and the way for whatever that does not take."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tapewatch.sources.receivers.line_protocol.binary import Value, binary_value
from tapewatch.sources.receivers.line_protocol.grammar import NS_PER_US, Grammar
from tapewatch.sources.shown import shown

TRUE = frozenset({b"t", b"T", b"true", b"True", b"TRUE"})
FALSE = frozenset({b"f", b"F", b"false", b"False", b"FALSE"})

_LONGEST_INTEGER = 20
_LONGEST_DIGITS = 400
"""Digits that are read at all: leading zeros are allowed, but to read thousands of digits takes time."""
_VALUE, _TIME, _SPACES = re.compile(rb"[^ ,\n\r]*"), re.compile(rb"[^ \n\r]*"), re.compile(rb" *")
_INT_END, _UINT_END = 2**63, 2**64


@dataclass(frozen=True, slots=True)
class Line:
    """One readable line.

    Attributes:
        number: Which line of the body, from 0.
        table: Where it belongs.
        tags: Names and values of tags, in the order of the line.
        fields: Names and values of fields; times as values are microseconds.
        time: Its own time in units of ``unit_ns``; None when it has none.
        unit_ns: Nanoseconds of one unit of the time, where the line says so itself; 0 where the address does.
    """

    number: int
    table: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, Value], ...]
    time: int | None = None
    unit_ns: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One line that cannot be read: where, why, and what would be right.

    Attributes:
        number: Which line of the body, from 0.
        table: Its table, as far as it was read.
        column: The column that is wrong; None when it is the line.
        value: What stands there.
        reason: A stable code.
        message: One sentence.
    """

    number: int
    table: str
    column: str | None
    value: str
    reason: str
    message: str


class _Fault(Exception):
    def __init__(self, reason: str, message: str, at: int, *, column: str | None = None, value: bytes = b"") -> None:
        super().__init__(message)
        self.reason, self.message, self.at, self.column, self.value = reason, message, at, column, value


def read_lines(body: bytes, grammar: Grammar, start: int = 0, end: int | None = None, number: int = 0) -> Iterator[Line | Unreadable]:
    """All lines that begin in ``body[start:end]``, blank ones and comments left out; ``number`` is that of the first."""
    end = len(body) if end is None else end
    at = start
    while at < end:
        reader = _Reader(body, grammar, at, number)
        try:
            line = reader.line()
        except _Fault as fault:
            yield Unreadable(number, reader.table, fault.column, shown(fault.value.decode(errors="replace")), fault.reason, fault.message)
            reader.at = max(at, min(fault.at, len(body)))
            found = body.find(b"\n", reader.at)
            reader.at = len(body) if found < 0 else found + 1
        else:
            if line is not None:
                yield line
        number += body.count(b"\n", at, reader.at) - reader.hidden
        at = reader.at


class _Reader:
    """Reads one line of a body from a position; ``at`` is then where the next begins.

    ``hidden`` counts the line feeds that were bytes of binary values: they end no line for whoever counts lines.
    """

    def __init__(self, body: bytes, grammar: Grammar, at: int, number: int) -> None:
        self.body = body
        self.grammar = grammar
        self.at = at
        self.number = number
        self.table = ""
        self.hidden = 0

    def line(self) -> Line | None:
        """The line; None for a blank one or a comment.

        Raises:
            _Fault: It cannot be read.
        """
        self._spaces()
        if self._next() == b"#":
            self.at = self._match(self.grammar.comment)
            self._end("a comment may not have control characters")
            return None
        if self._at_end():
            self._end("a line feed must follow the carriage return")
            return None
        table = self._word(self.grammar.table, "table", is_table=True)
        self.table = shown(table)
        tags = tuple(self._tags())
        has_space = self._next() == b" "
        self._spaces()
        if self._at_end() and self.grammar.wide and tags:
            fields: tuple[tuple[str, Value], ...] = ()
        elif not has_space and not self._at_end():
            raise self._fault(
                "syntax", f"after the table and its tags stands {self._shown_next()} where a space or a comma should", self.at
            )
        else:
            fields, has_space = self._fields(), self._next() == b" "
        self._spaces()
        time, unit_ns = self._time(has_space=has_space)
        self._spaces()
        self._end("nothing may stand behind the time")
        return Line(self.number, table, tags, fields, time, unit_ns)

    # --- names and tags ----------------------------------------------------------------------------------------------

    def _tags(self) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        while self._next() == b",":
            self.at += 1
            name = self._word(self.grammar.key, "name of a tag")
            if self._next() != b"=":
                raise self._fault("syntax", f"the tag {shown(name)} has no = behind its name", self.at, column=shown(name))
            self.at += 1
            value = self._tag_value(name)
            if name in seen:
                raise self._fault("duplicate_name", f"the tag {shown(name)} stands twice in the line", self.at, column=shown(name))
            seen.add(name)
            yield name, value

    def _tag_value(self, name: str) -> str:
        start = self.at
        self.at = self._match(self.grammar.tag_value)
        if start == self.at and not self.grammar.wide:
            raise self._fault("syntax", f"the tag {shown(name)} has no value", self.at, column=shown(name))
        return self._text(self.grammar.escape.sub(rb"\1", self.body[start : self.at]), shown(name), start)

    def _word(self, pattern: object, what: str, *, is_table: bool = False) -> str:
        start = self.at
        self.at = self._match(pattern)
        if start == self.at:
            raise self._fault("syntax", f"a {what} should begin where {self._shown_next()} stands", self.at)
        word = self._text(
            self.grammar.escape.sub(rb"\1", self.body[start : self.at]) if not is_table else self._table_name(start), None, start
        )
        wrong = self.grammar.bad_name(word, is_table=is_table)
        if wrong is not None:
            raise self._fault("bad_name", f"the {what} {shown(word)!r} {wrong}", self.at, column=None if is_table else shown(word))
        return word

    def _table_name(self, start: int) -> bytes:
        """Influx does not let an = be escaped in the name of a table: the backslash is part of the name."""
        raw = self.body[start : self.at]
        if self.grammar.wide or b"\\=" not in raw:
            return self.grammar.escape.sub(rb"\1", raw)
        return b"\\=".join(self.grammar.escape.sub(rb"\1", part) for part in raw.split(b"\\="))

    # --- fields ------------------------------------------------------------------------------------------------------

    def _fields(self) -> tuple[tuple[str, Value], ...]:
        fields: list[tuple[str, Value]] = []
        while True:
            if self._at_end():
                raise self._fault("syntax", "the line has no fields: table,tag=value field=1.5", self.at)
            name = self._word(self.grammar.key, "name of a field")
            if self._next() != b"=":
                raise self._fault("syntax", f"the field {shown(name)} has no = behind its name", self.at, column=shown(name))
            self.at += 1
            fields.append((name, self._value(shown(name))))
            if self._next() == b",":
                self.at += 1
                continue
            if not self._at_end() and self._next() != b" ":
                message = f"behind the value of {shown(name)} stands {self._shown_next()} where a comma, a space or the end should"
                raise self._fault("syntax", message, self.at, column=shown(name))
            return tuple(fields)

    def _value(self, column: str) -> Value:
        first = self._next()
        if first == b'"':
            return self._quoted(column)
        if first == b"=" and self.grammar.wide:
            return self._binary(column)
        start, self.at = self.at, self._match(_VALUE)
        token = self.body[start : self.at]
        if token in TRUE or token in FALSE:
            return token in TRUE
        value = number_of(token, self.grammar)
        if value is None:
            message = f'{shown(token.decode(errors="replace"))!r} is no value: write 1.5, 3i, 3u, true, false or "text"'
            raise self._fault("wrong_type", message, self.at, column=column, value=token)
        if isinstance(value, str):
            raise self._fault("out_of_range", f"the value of {column} {value}", self.at, column=column, value=token)
        return value

    def _quoted(self, column: str) -> str:
        found = self.grammar.text.match(self.body, self.at)
        if found is None:
            raise self._fault("syntax", f"the text of {column} has no quote at its end", self.at, column=column)
        start, self.at = self.at, found.end()
        return self._text(self.grammar.text_escape.sub(rb"\1", found[1]), column, start)

    def _binary(self, column: str) -> Value:
        found = binary_value(self.body, self.at + 1)
        if found is None:
            message = f"the binary value of {column} is no double, decimal or array of doubles"
            raise self._fault("wrong_type", message, self.at, column=column)
        value, end = found
        self.hidden += self.body.count(b"\n", self.at, end)
        self.at = end
        return value

    # --- the end -----------------------------------------------------------------------------------------------------

    def _time(self, *, has_space: bool) -> tuple[int | None, int]:
        start, self.at = self.at, self._match(_TIME)
        token = self.body[start : self.at]
        if not token:
            return None, 0
        unit_ns = 0
        digits = token
        if self.grammar.wide and token[-1:] in {b"n", b"t"}:
            digits, unit_ns = token[:-1], 1 if token[-1:] == b"n" else NS_PER_US
        if not has_space or not digits.removeprefix(b"-").isdigit():
            message = f"{shown(token.decode(errors='replace'))!r} is no time: write an integer, or nothing for the time of receipt"
            raise self._fault("wrong_type", message, self.at, column="ts", value=token)
        time = int(digits) if len(digits) <= _LONGEST_INTEGER else _INT_END
        if not -_INT_END <= time < _INT_END:
            raise self._fault("out_of_range", "the time does not fit into 64 bits", self.at, column="ts", value=token)
        return time, unit_ns

    def _end(self, message: str) -> None:
        if self.at >= len(self.body):
            return
        if self.body.startswith(b"\r\n", self.at):
            self.at += 2
        elif self._next() == b"\n" or (self._next() == b"\r" and self.at + 1 == len(self.body)):
            self.at += 1
        else:
            raise self._fault("syntax", f"{message}; there stands {self._shown_next()}", self.at)

    # --- letters -----------------------------------------------------------------------------------------------------

    def _match(self, pattern: Any) -> int:  # noqa: ANN401 - re.Pattern of bytes
        found = pattern.match(self.body, self.at)
        return self.at if found is None else found.end()

    def _next(self) -> bytes:
        return self.body[self.at : self.at + 1]

    def _at_end(self) -> bool:
        return self._next() in {b"", b"\n", b"\r"}

    def _spaces(self) -> None:
        self.at = self._match(_SPACES)

    def _shown_next(self) -> str:
        sign = self._next()
        return "the end of the line" if sign in {b"", b"\n"} else repr(sign.decode(errors="backslashreplace"))

    def _text(self, raw: bytes, column: str | None, at: int) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self._fault("bad_text", "a text is not UTF-8", at, column=column, value=raw) from None

    def _fault(self, reason: str, message: str, at: int, *, column: str | None = None, value: bytes = b"") -> _Fault:
        return _Fault(reason, f"Line {self.number + 1}: {message}.", at, column=column, value=value)


def number_of(token: bytes, grammar: Grammar) -> Value | str | None:
    """A number: float without suffix, integer with ``i`` or ``u``, microseconds with QuestDB's ``t`` and ``n``.

    None for what is no number, a sentence's end for one that does not fit.
    """
    suffix = token[-1:]
    if suffix in {b"i", b"u"} or (grammar.wide and suffix in {b"t", b"n"}):
        digits = token[:-1]
        if not digits.removeprefix(b"-").isdigit() or (suffix == b"u" and digits.startswith(b"-")):
            return None
        value = int(digits.lstrip(b"0") or b"0") if len(digits) <= _LONGEST_DIGITS else _UINT_END
        if not -_INT_END <= value < (_UINT_END if suffix == b"u" else _INT_END):
            return "does not fit into 64 bits"
        return value // NS_PER_US if suffix == b"n" else value
    if grammar.wide and suffix == b"d":
        token = token[:-1]  # a decimal
    if not grammar.number.fullmatch(token):
        return None
    number = float(token)
    if math.isinf(number) and not token.endswith(b"y"):
        return "is beyond the range of a 64-bit float"
    return number
