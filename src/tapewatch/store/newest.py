"""The newest moment seen of every key, to tell rows that go on from rows that may already be there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_TIME, Coded, RowBatch

Keys = npt.NDArray[np.uint64]

MAX_KEYS = 100_000
"""Keys remembered one by one; beyond, all of them count as seen up to the newest moment of any."""
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_NULL = 0x5DEECE66D  # any number that is not the hash of a word, such as the 0 of the empty one


def keys_of(batch: RowBatch, columns: Sequence[str]) -> Keys:
    """A 64-bit hash per row, shape (n,), of word and time columns; equal rows have equal keys, others almost never."""
    return further_keys(np.zeros(batch.count, np.uint64), batch, columns)


def further_keys(keys: Keys, batch: RowBatch, columns: Sequence[str]) -> Keys:
    """The hashes that `keys_of` gives for the columns of ``keys`` and then these."""
    for name in columns:
        values = batch.columns.get(name)
        if values is None:
            hashes = np.full(batch.count, _NULL, np.uint64)
        elif isinstance(values, Coded):
            hashes = _word_hashes(values)
        else:
            hashes = values.astype(np.int64).view(np.uint64)
        keys = (keys ^ hashes) * _PRIME
        keys ^= keys >> _HALF
    return keys


def _word_hashes(values: Coded) -> Keys:
    lookup = np.fromiter((*(hash(word) & 0xFFFFFFFFFFFFFFFF for word in values.values), _NULL), np.uint64, len(values.values) + 1)
    return lookup[values.codes]  # the code of null points to the last


class Newest:
    """Newest ``ts`` per key; bounded, and never says that a row is new when it may not be.

    Args:
        floor_us: Newest ``ts`` of everything stored before; keys not seen since then may have had it.
    """

    def __init__(self, floor_us: int = NULL_TIME) -> None:
        self._floor_us = floor_us
        self._keys: Keys = np.empty(0, np.uint64)
        self._ts: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def see(self, keys: Keys, ts: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Remember rows; gives which of them (n,) are later than everything seen before of their key: nothing stored can be the same."""
        place, is_known = self._find(keys)
        if is_known.all():
            goes_on = ts > np.maximum(self._ts[place], self._floor_us)
            np.maximum.at(self._ts, place, ts)
            return goes_on
        newest = np.full(len(keys), self._floor_us)
        newest[is_known] = np.maximum(self._ts[place[is_known]], self._floor_us)
        np.maximum.at(self._ts, place[is_known], ts[is_known])
        self._add(keys, ts, is_known)
        return ts > newest

    def _add(self, keys: Keys, ts: npt.NDArray[Any], is_known: npt.NDArray[np.bool_]) -> None:
        order = np.lexsort((ts[~is_known], keys[~is_known]))
        new_keys, new_ts = keys[~is_known][order], ts[~is_known][order]
        is_last = np.ones(len(new_keys), np.bool_)
        is_last[:-1] = new_keys[1:] != new_keys[:-1]
        at = np.searchsorted(self._keys, new_keys[is_last])
        self._keys, self._ts = np.insert(self._keys, at, new_keys[is_last]), np.insert(self._ts, at, new_ts[is_last])
        if len(self._keys) > MAX_KEYS:
            self._floor_us = max(self._floor_us, int(self._ts.max()))
            self._keys, self._ts = np.empty(0, np.uint64), np.empty(0, np.int64)

    def _find(self, keys: Keys) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Place of each key among the known ones, and whether it is there."""
        if not len(self._keys):
            return np.zeros(len(keys), np.intp), np.zeros(len(keys), np.bool_)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return place, self._keys[place] == keys
