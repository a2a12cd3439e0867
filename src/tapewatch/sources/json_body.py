"""JSON as senders write it: strict text, NaN and infinity allowed, names that stand twice in an object found."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import orjson

from tapewatch.errors import SourceError
from tapewatch.sources.shown import shown

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Doubled(dict[str, Any]):
    """An object in which names stood twice; holds the last value of each, and the lost ones in ``lost``."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        last = {name: i for i, (name, _) in enumerate(pairs)}
        self.lost = [(name, value) for i, (name, value) in enumerate(pairs) if last[name] != i]


def decode(body: bytes) -> Any:  # noqa: ANN401 - JSON has no one type
    """Read JSON; of a name that stands twice the last value counts (`decode_exactly` tells).

    Raises:
        SourceError: It is no JSON; the message says where.
    """
    try:
        return orjson.loads(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return decode_exactly(body)  # NaN, half surrogates: what JSON has not, but writers write


def decode_exactly(body: bytes) -> Any:  # noqa: ANN401 - JSON has no one type
    """Read JSON slowly; objects in which a name stands twice are `Doubled`.

    Raises:
        SourceError: It is no JSON; the message says where.
    """
    try:
        return json.loads(body.removeprefix(_BYTE_ORDER_MARK).decode(), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise SourceError(f"byte {error.start} is not UTF-8; write JSON in UTF-8", permanent=True) from error
    except json.JSONDecodeError as error:
        raise SourceError(f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}", permanent=True) from error
    except (RecursionError, ValueError) as error:
        raise SourceError(f"no JSON that can be read: {error}", permanent=True) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(pairs)


def may_have_doubles(body: bytes, names: int) -> bool:
    """Whether a name may stand twice in an object, judged by counting: quick, never wrongly False, sometimes wrongly True.

    A name is what stands before a colon, and inside of a text a quote has a backslash before it. ``names`` is how many names the
    objects have that were read.
    """
    if body.count(b":") == names:  # each name has one of its own
        return False
    if b"\\" in body and _ESCAPED_END in body:  # a text may end with a backslash: its closing quote looks like an escaped one
        return True
    if b" :" in body or any(blank in body and blank + b":" in body for blank in _BLANKS):
        return len(_NAME_END.findall(body)) != names
    return body.count(b'":') - (body.count(b'\\":') if b"\\" in body else 0) != names


_ESCAPED_END = b'\\\\"'
_BLANKS = (b"\t", b"\n", b"\r")
_NAME_END = re.compile(rb'(?<!\\)"[ \t\r\n]*:')


def describe(value: object) -> str:
    """What a JSON value is, for messages."""
    if isinstance(value, list):
        return f"a list of {len(cast('list[object]', value))}"
    if isinstance(value, dict):
        names = list(cast("dict[str, object]", value))
        return f"an object with {', '.join(map(shown, names[:4])) or 'nothing in it'}"
    return _WORDS.get(type(value), type(value).__name__)


_WORDS: dict[type, str] = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text"}
