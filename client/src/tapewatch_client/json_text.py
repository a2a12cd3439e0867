"""Plain values as compact UTF-8 JSON: with orjson or msgspec when the program has one of them, else with the standard library."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def standard(document: object) -> bytes:
    """Write with the standard library; half surrogates, which UTF-8 cannot hold, become ``?``.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value is none of JSON's.
    """
    text = _encode(document)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace")


def _fast() -> Callable[[object], bytes] | None:
    """The fastest writer that is installed; None when there is none."""
    try:
        import orjson
    except ImportError:
        pass
    else:
        return cast("Callable[[object], bytes]", orjson.dumps)
    try:
        import msgspec
    except ImportError:
        return None
    return msgspec.json.Encoder().encode


_fast_encode: Callable[[Any], bytes] | None = _fast()


def dumps(document: object) -> bytes:
    """Write plain values; what a fast writer refuses (half surrogates, keys that are no text) the standard library writes.

    Values must be finite numbers: the fast writers would write null for the others without a word.

    Raises:
        TypeError: A value is none of JSON's.
    """
    if _fast_encode is not None:
        try:
            return _fast_encode(document)
        except (TypeError, ValueError):
            pass  # the standard library takes it, or says what is wrong
    return standard(document)
