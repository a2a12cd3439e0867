from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.rows import NULL_TIME, Coded, RowBatch
from tapewatch.store import newest
from tapewatch.store.newest import Newest, keys_of

STEPS = st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 12)), min_size=1, max_size=8), max_size=12)


def series(*names: str | None) -> np.ndarray:
    count = len(names)
    batch = RowBatch("t", count, {"ts": np.arange(count), "venue": Coded.of(names), "env": Coded.constant("live", count)})
    return keys_of(batch, ("env", "venue"))


@given(STEPS, st.integers(-2, 5) | st.just(NULL_TIME), st.integers(1, 10))
def test_it_never_calls_new_what_was_seen_or_stored_before(steps: list[list[tuple[int, int]]], floor_us: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "MAX_KEYS", most)
        held = Newest(floor_us)
        seen: dict[int, int] = {}
        for step in steps:
            keys = np.array([key for key, _ in step], np.uint64)
            ts = np.array([moment for _, moment in step], np.int64)
            goes_on = held.see(keys, ts)
            for key, moment, is_new in zip(keys.tolist(), ts.tolist(), goes_on.tolist(), strict=True):
                if is_new:
                    assert moment > floor_us
                    assert moment > seen.get(key, NULL_TIME)
                elif most == 10:  # nothing was forgotten: it is exact
                    assert moment <= max(floor_us, seen.get(key, NULL_TIME))
            for key, moment in step:
                seen[key] = max(seen.get(key, NULL_TIME), moment)


def test_equal_rows_have_equal_keys_and_others_do_not() -> None:
    keys = series("a", "b", None, "a", None, "")
    assert keys[0] == keys[3]
    assert keys[2] == keys[4]
    assert len(set(keys.tolist())) == 4


def test_columns_are_not_mixed_up() -> None:
    batch = RowBatch("t", 1, {"a": Coded.of(["x"]), "b": Coded.of(["y"])})
    assert keys_of(batch, ("a", "b"))[0] != keys_of(batch, ("b", "a"))[0]


def test_times_are_part_of_a_key() -> None:
    batch = RowBatch("t", 3, {"ts": np.array([5, 6, 5]), "a": Coded.constant("x", 3)})
    keys = keys_of(batch, ("ts", "a"))
    assert keys[0] == keys[2] != keys[1]


def test_a_missing_column_is_like_null() -> None:
    batch = RowBatch("t", 1, {"a": Coded.of([None])})
    assert keys_of(batch, ("a",))[0] == keys_of(batch, ("b",))[0]
