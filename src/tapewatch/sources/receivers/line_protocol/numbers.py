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
from tapewatch.sources.receivers.line_protocol.tokens import Layout, Mask, Positions

_JSON_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_BLANK = ord(" ")
_LONGEST_TIME = 19
_WORD_BYTES = 8
_ZEROS = np.uint64(0x3030303030303030)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_DIGITS_ONLY = np.uint64(0x3333333333333333)
_EVERY_OTHER = np.uint64(0x000000FF000000FF)


@dataclass(slots=True)
class Numbers:
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
    def read(cls, layout: Layout) -> Numbers:
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
    def _typed(cls, values: list[float], types: tokens.Bytes, bad: Mask) -> Numbers | None:
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
