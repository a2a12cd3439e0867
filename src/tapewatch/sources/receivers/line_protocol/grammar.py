"""The two dialects of the line protocol, and the units that its times may have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NS_PER_US = 1_000

UNITS_NS = {"n": 1, "ns": 1, "u": 1_000, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Precision in the address to nanoseconds per unit of a line's time."""

_INFLUX_NUMBER = rb"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"

BAD_IN_TABLE = frozenset("\n\r?,’'\"\\/:)(+*%~\ufeff\x7f" + "".join(map(chr, range(0x10))))
"""Characters that QuestDB does not allow in the name of a table."""

BAD_IN_COLUMN = BAD_IN_TABLE | frozenset(".-")


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one dialect writes a line: ``table[,tag=value…] field=value[,field=value…] [time]``.

    The patterns match bytes; those of unquoted words take a backslash and the sign behind it together where that is an escape.

    Attributes:
        table: An unquoted table name.
        key: An unquoted name of a tag or a field.
        tag_value: An unquoted value of a tag.
        escape: A backslash and the sign it protects, in unquoted words.
        text_escape: The same inside of quotes.
        comment: What a comment may hold.
        number: A number without suffix.
        wide: Whether the forms that only QuestDB has are allowed: binary values, times as values and with a suffix, lines of tags alone,
            and NaN.
    """

    table: re.Pattern[bytes]
    key: re.Pattern[bytes]
    tag_value: re.Pattern[bytes]
    escape: re.Pattern[bytes]
    text_escape: re.Pattern[bytes]
    comment: re.Pattern[bytes]
    number: re.Pattern[bytes]
    wide: bool
    text: re.Pattern[bytes] = field(default=re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL))

    def bad_name(self, name: str, *, is_table: bool) -> str | None:
        """What is wrong with a name; None when nothing is."""
        if not self.wide:
            return None
        if not name:
            return "is empty"
        bad = BAD_IN_TABLE if is_table else BAD_IN_COLUMN
        found = next((sign for sign in name if sign in bad), None)
        if found is not None:
            return f"has the sign {found!r}, which a name may not have"
        if is_table and (name.startswith(".") or name.endswith(".")):
            return "begins or ends with a full stop"
        return None


INFLUX = Grammar(
    table=re.compile(rb"(?:\\[, ]|[^\x00-\x1f\x7f, ])+"),
    key=re.compile(rb"(?:\\[,= ]|[^\x00-\x1f\x7f,= ])+"),
    tag_value=re.compile(rb"(?:\\[,= ]|[^\x00-\x1f\x7f,= ])+"),
    escape=re.compile(rb"\\([,= ])"),
    text_escape=re.compile(rb'\\(["\\])'),
    comment=re.compile(rb"#[^\x00-\x1f\x7f]*"),
    number=re.compile(_INFLUX_NUMBER),
    wide=False,
)
"""As the decoder of InfluxData reads it: only signs with a meaning can be escaped, control characters are only allowed in quotes."""

QUESTDB = Grammar(
    table=re.compile(rb"(?:\\.|[^, \n\r\\])+", re.DOTALL),
    key=re.compile(rb"(?:\\.|[^,= \n\r\\])+", re.DOTALL),
    tag_value=re.compile(rb"(?:\\.|[^,= \n\r\\])*", re.DOTALL),
    escape=re.compile(rb"\\(.)", re.DOTALL),
    text_escape=re.compile(rb"\\(.)", re.DOTALL),
    comment=re.compile(rb"#[^\n\r]*"),
    number=re.compile(rb"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|NaN|-?Infinity"),
    wide=True,
)
"""As QuestDB reads it: a backslash protects any sign, a line feed too."""
