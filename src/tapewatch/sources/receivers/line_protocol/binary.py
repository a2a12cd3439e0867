"""QuestDB's binary values, which stand behind a second equals sign."""

from __future__ import annotations

import math
import struct
from typing import Any

Value = bool | int | float | str | list[Any]
"""What a field can hold; times are integers of microseconds."""

DOUBLE, ARRAY, DECIMAL = b"\x10", b"\x0e", b"\x17"
"""First byte of a value: a double of 8 bytes little endian; an array of element type, dimensions, lengths and elements; a decimal of scale,
length and that many bytes big endian."""

_DOUBLES = 10
"""The element type of an array of doubles, the only one there is."""
_MOST_DIMENSIONS = 32
_HEAD_BYTES = 2


def binary_value(body: bytes, at: int) -> tuple[Value, int] | None:
    """The value whose type stands at ``at``, and where it ends; None for what is none or is cut off."""
    kind, start = body[at : at + 1], at + 1
    if kind == DOUBLE and start + 8 <= len(body):
        return float(struct.unpack_from("<d", body, start)[0]), start + 8
    if kind == ARRAY:
        return _array(body, start)
    return _decimal(body, start) if kind == DECIMAL else None


def _decimal(body: bytes, start: int) -> tuple[float, int] | None:
    head, first = body[start : start + _HEAD_BYTES], start + _HEAD_BYTES
    if len(head) < _HEAD_BYTES or first + head[1] > len(body):
        return None
    end = first + head[1]
    if not head[1]:
        return math.nan, end
    unscaled = int.from_bytes(body[first:end], "big", signed=True)
    try:
        return unscaled / 10 ** head[0], end
    except OverflowError:
        return math.copysign(math.inf, unscaled), end


def _array(body: bytes, start: int) -> tuple[list[Any], int] | None:
    head = body[start : start + _HEAD_BYTES]
    if len(head) < _HEAD_BYTES or head[0] != _DOUBLES or not 0 < head[1] <= _MOST_DIMENSIONS:
        return None
    first = start + _HEAD_BYTES + 4 * head[1]
    if first > len(body):
        return None
    shape: tuple[int, ...] = struct.unpack_from(f"<{head[1]}I", body, start + _HEAD_BYTES)
    count = math.prod(shape)
    end = first + 8 * count
    if end > len(body):
        return None
    values: list[Any] = list(struct.unpack_from(f"<{count}d", body, first))
    for length in reversed(shape[1:]):
        values = [values[i : i + length] for i in range(0, len(values), length)] if length else []
    return values, end
