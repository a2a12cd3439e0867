"""The numbers and times of many lines at once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from tapewatch.model.rows import NULL_TIME, Times
from tapewatch.sources.receivers.line_protocol import tokens
from tapewatch.sources.receivers.line_protocol.grammar import NS_PER_US
from tapewatch.sources.receivers.line_protocol.tokens import WORD_BYTES, Layout, Mask, Positions, Words

_JSON_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LONGEST, _LONGEST_WORDS = 19, 3
"""Digits of the largest integer, and the words of eight digits that hold them."""
_MOST_WORDS = 4
"""Words for a number without a suffix and the comma behind it: the longest that a float is written with has 24 signs."""
_ZEROS = np.uint64(0x3030303030303030)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_DIGITS_ONLY = np.uint64(0x3333333333333333)
_EVERY_OTHER = np.uint64(0x000000FF000000FF)
_FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(WORD_BYTES + 1)], np.uint64)
_BLANKS_BEHIND = np.array([0x2020202020202020 >> 8 * count << 8 * count for count in range(WORD_BYTES + 1)], np.uint64)


@dataclass(slots=True)
class Numbers:
    """The numbers among the values of a chunk: those without a suffix as float64, the others as int64, both in the order of the values."""

    floats: npt.NDArray[np.float64]
    integers: Times
    float_at: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    integer_at: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    def count(self, layout: Layout) -> None:
        """Note which number each value is."""
        self.float_at = np.cumsum(layout.types == tokens.FLOAT) - 1
        self.integer_at = np.cumsum(_is_whole(layout.types)) - 1

    @classmethod
    def read(cls, layout: Layout) -> Numbers:
        """Read them; lines with one that is not written as JSON writes it, or does not fit, become odd."""
        while True:
            integers, is_bad_integer = _integers(layout)
            floats, is_bad_float = _floats(layout)
            if not (is_bad_integer.any() or is_bad_float.any()):
                return cls(floats, integers)
            wrong = np.zeros(len(layout.types), np.bool_)
            wrong[_is_whole(layout.types)] = is_bad_integer
            wrong[layout.types == tokens.FLOAT] = is_bad_float
            layout.without(wrong)


def _is_whole(types: tokens.Bytes) -> Mask:
    return (types > tokens.FLOAT) & (types <= tokens.NANOSECONDS)


def _integers(layout: Layout) -> tuple[Times, Mask]:
    """Whole numbers, and which of them are to be read carefully: none, too large, or written as JSON does not."""
    text, is_whole = layout.text, _is_whole(layout.types)
    types, starts = layout.types[is_whole], layout.value_starts[is_whole]
    is_negative = text[starts] == ord("-")
    starts = starts + is_negative
    sizes = layout.value_ends[is_whole] - 1 - starts
    bad = is_negative & (types == tokens.UNSIGNED)
    bad |= (text[starts] == ord("0")) & ((sizes > 1) | is_negative)
    integers, wrong = _digits(layout.windows, starts, np.where(bad, 0, sizes))
    np.negative(integers, out=integers, where=is_negative)
    nanoseconds = types == tokens.NANOSECONDS
    return np.where(nanoseconds, integers // NS_PER_US, integers) if nanoseconds.any() else integers, bad | wrong


def _floats(layout: Layout) -> tuple[npt.NDArray[np.float64], Mask]:
    """Numbers without a suffix, and which of them are no JSON, longer than any that is written so, or beyond the range of a float."""
    is_float = layout.types == tokens.FLOAT
    starts, ends = layout.value_starts[is_float], layout.value_ends[is_float]
    is_long = ends - starts >= _MOST_WORDS * WORD_BYTES
    if is_long.any():
        return np.zeros(len(starts)), is_long
    try:
        floats = np.array(_json_numbers(layout.windows, starts, ends - starts), np.float64)
    except orjson.JSONDecodeError:
        return np.zeros(len(starts)), _not_json(layout.text.tobytes(), starts, ends)
    zeros = np.flatnonzero(floats == 0)
    floats[zeros[layout.text[starts[zeros]] == ord("-")]] = -0.0  # JSON reads -0 as an integer, which has no sign
    return floats, np.isinf(floats)


def _json_numbers(windows: Words, starts: Positions, sizes: Positions) -> list[float]:
    """Numbers of so many bytes, fewer than `_MOST_WORDS` words, read as one JSON list: each in as many words, blanks and a comma behind it.

    Raises:
        orjson.JSONDecodeError: One of them is no JSON.
    """
    if not len(starts):
        return []
    words = int(sizes.max()) // WORD_BYTES + 1
    listed = np.empty((len(starts), words), "<u8")
    for word in range(words):
        left = np.clip(sizes - word * WORD_BYTES, 0, WORD_BYTES)
        at = np.minimum(starts + word * WORD_BYTES, len(windows) - 1)
        listed[:, word] = (windows[at] & _FIRST_BYTES[left]) | _BLANKS_BEHIND[left]
    listed.view(np.uint8)[:, -1] = ord(",")
    found: list[float] = orjson.loads(b"[%b]" % listed.tobytes()[:-1])
    if len(found) != len(starts):
        raise orjson.JSONDecodeError("numbers were lost", "", 0)
    return found


def _not_json(text: bytes, starts: Positions, ends: Positions) -> Mask:
    """Which of the spans hold no number that JSON has, or one beyond the range of a float; all when none is found."""
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    bad = np.array([not _JSON_NUMBER.fullmatch(text, a, b) or math.isinf(float(text[a:b])) for a, b in spans], np.bool_)
    return bad if bad.any() else ~bad


def line_times(layout: Layout, *, wide: bool) -> tuple[Times, Times]:
    """The time of each line, `NULL_TIME` for none, and its unit in nanoseconds, 0 for that of the address; unreadable ones become odd."""
    text, starts, ends = layout.text, layout.time_starts, layout.ends
    times = np.full(len(starts), NULL_TIME, np.int64)
    units_ns = np.zeros(len(starts), np.int64)
    last = text[ends - 1]
    timed = (starts < ends) & ~layout.is_odd
    if wide:
        units_ns[timed & (last == ord("n"))] = 1
        units_ns[timed & (last == ord("t"))] = NS_PER_US
    lines = np.flatnonzero(timed)
    times[lines], bad = _digits(layout.windows, starts[lines], (ends - starts - (units_ns > 0))[lines])
    layout.is_odd[lines[bad]] = True
    layout.forget()
    return times, units_ns


def _digits(windows: Words, starts: Positions, sizes: Positions) -> tuple[Times, Mask]:
    """Numbers of so many digits, eight at a time, and which are none, or do not fit into 64 bits."""
    total = np.zeros(len(starts), np.int64)
    wrong = (sizes < 1) | (sizes > _LONGEST)
    words = np.where(wrong, 0, (sizes + WORD_BYTES - 1) // WORD_BYTES)
    for count in range(1, _LONGEST_WORDS + 1):
        of_count = np.flatnonzero(words == count)
        if not len(of_count):
            continue
        at = starts[of_count]
        first = sizes[of_count] - WORD_BYTES * (count - 1)
        # Fewer than eight digits move to the end of the word, and zeros are put before them.
        shift = (WORD_BYTES * (WORD_BYTES - first)).astype(np.uint64)
        number, is_none = _eight_digits((windows[at] << shift) | (_ZEROS & ((np.uint64(1) << shift) - np.uint64(1))))
        at += first
        for _ in range(count - 1):
            following, is_wrong = _eight_digits(windows[at])
            number = number * 10**WORD_BYTES + following
            is_none |= is_wrong
            at += WORD_BYTES
        total[of_count], wrong[of_count] = number, is_none | (number < 0)
    return total, wrong


def _eight_digits(word: Words) -> tuple[Times, Mask]:
    """The numbers that eight digits make, and which are none."""
    wrong = ((word & _HIGH) | (((word + _SIX) & _HIGH) >> np.uint64(4))) != _DIGITS_ONLY
    # Pairs of digits, then four, then eight: each step adds neighbours, the earlier one times a power of ten.
    word = word - _ZEROS
    word = word * np.uint64(10) + (word >> np.uint64(8))
    pairs, others = word & _EVERY_OTHER, (word >> np.uint64(16)) & _EVERY_OTHER
    eight = (pairs * np.uint64(100 + (1_000_000 << 32)) + others * np.uint64(1 + (10_000 << 32))) >> np.uint64(32)
    return eight.astype(np.int64), wrong
