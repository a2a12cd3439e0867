"""What a store promises about questions: ranges, filters, shapes, order, limits, pages."""

from __future__ import annotations

import pytest

from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Function, Measure, Mode
from tapewatch.store.base import Store
from tapewatch.testing.stores.base import Parts, SuiteBase, of, where
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, plain

SECOND = 1_000_000


class AskingSuite(SuiteBase):
    """`scan` in its three modes."""

    def test_the_range_is_half_open(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i} for i in range(-1, 3)))
        self.tidy(store)
        assert [row["ts"] - T0 for row in self.ask(store, SAMPLE, start_us=T0, end_us=T0 + 2)] == [1, 0]
        assert self.ask(store, SAMPLE, of(Function.COUNT), start_us=T0, end_us=T0 + 2) == [{"v": 2.0}]

    def test_buckets_are_aligned_to_1970_and_labelled_by_their_start(self, store: Store) -> None:
        width = 7 * SECOND
        self.put(store, SAMPLE, *({"ts": ts} for ts in (-8 * SECOND, -7 * SECOND, -1, 0, 6_999_999, 7 * SECOND)))
        lines = self.ask(store, SAMPLE, of(Function.COUNT), bucket_us=width, start_us=-9 * SECOND, end_us=9 * SECOND)
        assert lines == [{"bucket": b * width, "v": v} for b, v in ((-2, 1.0), (-1, 2.0), (0, 2.0), (1, 1.0))]

    def test_filters_on_numbers(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "level": level} for i, level in enumerate((1.0, 2.0, 3.0, None))))
        expected: list[tuple[Comparison, tuple[float, ...], set[float | None]]] = [
            (Comparison.EQ, (2.0,), {2.0}),
            (Comparison.NE, (2.0,), {1.0, 3.0}),
            (Comparison.LT, (2.0,), {1.0}),
            (Comparison.LE, (2,), {1.0, 2.0}),
            (Comparison.GT, (1.5,), {2.0, 3.0}),
            (Comparison.GE, (2.0,), {2.0, 3.0}),
            (Comparison.IN, (1.0, 3.0), {1.0, 3.0}),
            (Comparison.IN, (), set()),
            (Comparison.NOT_IN, (1.0, 3.0), {2.0}),
            (Comparison.NOT_IN, (), {1.0, 2.0, 3.0}),
            (Comparison.IS_NULL, (), {None}),
            (Comparison.NOT_NULL, (), {1.0, 2.0, 3.0}),
        ]
        for comparison, values, found in expected:
            rows = self.ask(store, SAMPLE, filters=where("level", comparison, *values))
            assert {row["level"] for row in rows} == found, comparison

    def test_filters_on_words_flags_states_and_times(self, store: Store) -> None:
        odd = 'it\'s "odd" ☂'
        self.put(store, SAMPLE, {"ts": T0, "venue": odd, "connected": True, "mood": "slow", "seen_at": T0})
        self.put(store, SAMPLE, {"ts": T0 + 1, "venue": "other", "connected": False, "mood": "fine", "seen_at": None})
        for filters in (
            where("venue", Comparison.EQ, odd),
            where("venue", Comparison.IN, odd, "unheard of"),
            where("connected", Comparison.EQ, True),
            where("mood", Comparison.NOT_IN, "fine", "gone"),
            where("seen_at", Comparison.GE, T0),
            where("seen_at", Comparison.LT, T0 + 0.5),
            where("ts", Comparison.LT, T0 + 1),
            where("note", Comparison.IS_NULL) + where("venue", Comparison.GT, "i") + where("venue", Comparison.LT, "j"),
        ):
            assert [row["venue"] for row in self.ask(store, SAMPLE, filters=filters)] == [odd]

    def test_a_value_is_never_read_as_part_of_the_question(self, store: Store) -> None:
        self.put(store, SAMPLE, {"venue": "a"})
        for word in ("' OR 1=1 --", "a'; DROP TABLE sample; --", "$p0", "?", "\\", '"'):
            assert self.ask(store, SAMPLE, filters=where("venue", Comparison.EQ, word)) == []
        assert len(self.ask(store, SAMPLE)) == 1

    def test_groups_and_buckets_come_in_order(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + s * SECOND, "venue": v, "host": "h"} for s, v in ((1, "b"), (0, "a"), (1, "a"), (0, "b"))))
        lines = self.ask(store, SAMPLE, of(Function.COUNT), group_by=("venue",), bucket_us=SECOND)
        assert [((line["bucket"] - T0) // SECOND, line["venue"]) for line in lines] == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]

    def test_top_k(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "venue": f"v{i}", "level": float(i % 5)} for i in range(10)))
        parts: Parts = {"group_by": ("venue",), "order_by": "-v", "limit": 3}
        answer = self.scan(store, SAMPLE, of(Function.MAX, "level"), **parts)
        assert answer.truncated
        assert answer.newest_us == T0 + 9
        assert answer.rows_behind == 10
        assert [row["venue"] for row in self.ask(store, SAMPLE, of(Function.MAX, "level"), **parts)] == ["v4", "v9", "v3"]

    def test_nulls_come_last_in_both_directions(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "venue": f"v{i}", "level": level} for i, level in enumerate((None, 1.0, 2.0))))
        for order_by, expected in (("v", [1.0, 2.0, None]), ("-v", [2.0, 1.0, None])):
            lines = self.ask(store, SAMPLE, of(Function.MAX, "level"), group_by=("venue",), order_by=order_by)
            assert [line["v"] for line in lines] == expected
        for order_by, expected in (("level", [1.0, 2.0, None]), ("-level", [2.0, 1.0, None])):
            assert [row["level"] for row in self.ask(store, SAMPLE, order_by=order_by, mode=Mode.ROWS)] == expected
            assert [row["level"] for row in self.ask(store, SAMPLE, order_by=order_by, mode=Mode.LATEST)] == expected

    def test_an_exact_limit_is_not_truncated(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i} for i in range(3)))
        assert not self.scan(store, SAMPLE, limit=3).truncated
        assert self.scan(store, SAMPLE, limit=3).cursor is None
        assert self.scan(store, SAMPLE, limit=2).truncated

    def test_nothing_matched_is_an_empty_answer(self, store: Store) -> None:
        for mode, measures in ((Mode.AGGREGATE, (of(Function.COUNT),)), (Mode.LATEST, ()), (Mode.ROWS, ())):
            answer = self.scan(store, SAMPLE, *measures, mode=mode, limit=5)
            assert (answer.rows, answer.newest_us, answer.truncated, answer.cursor) == (0, None, False, None)

    def test_latest_gives_the_newest_row_of_each_series(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "venue": v, "level": float(i)} for i, v in enumerate("abab")))
        self.tidy(store)
        self.put(store, SAMPLE, {"ts": T0 + 1, "venue": "c", "level": 9.0})
        rows = self.ask(store, SAMPLE, mode=Mode.LATEST)
        assert [(row["venue"], row["level"]) for row in rows] == [("a", 2.0), ("b", 3.0), ("c", 9.0)]
        answer = self.scan(store, SAMPLE, mode=Mode.LATEST, limit=1)
        assert (answer.rows, answer.truncated, answer.newest_us, answer.rows_behind) == (1, True, T0 + 3, 5)

    def test_latest_stays_in_the_range(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "level": float(i)} for i in range(5)))
        assert [row["level"] for row in self.ask(store, SAMPLE, mode=Mode.LATEST, end_us=T0 + 3)] == [2.0]
        assert self.ask(store, SAMPLE, mode=Mode.LATEST, start_us=T0 + 5) == []

    def test_of_several_sources_latest_takes_the_newest_then_the_last_received(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "received_at": T0 + 9, "source": "a", "level": 1.0})
        self.put(store, SAMPLE, {"ts": T0 + 1, "received_at": T0 + 3, "source": "b", "level": 2.0})
        self.put(store, SAMPLE, {"ts": T0 + 1, "received_at": T0 + 4, "source": "a", "level": 3.0})
        assert [row["level"] for row in self.ask(store, SAMPLE, mode=Mode.LATEST)] == [3.0]
        both = self.ask(store, SAMPLE, mode=Mode.LATEST, group_by=("venue", "source"), columns=("source", "level"))
        assert both == [{"source": "a", "level": 3.0}, {"source": "b", "level": 2.0}]

    def test_only_asked_columns_come_back_in_the_asked_order(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "level": 1.0, "venue": "a"})
        for mode in (Mode.LATEST, Mode.ROWS):
            assert list(self.scan(store, SAMPLE, mode=mode, columns=("level", "ts")).columns) == ["level", "ts"]
            assert list(self.scan(store, SAMPLE, mode=mode).columns) == list(SAMPLE.column)

    def test_pages_join_without_hole_or_double_while_rows_arrive(self, store: Store) -> None:
        for _ in range(2):
            self.put(store, NOTE, *({"ts": T0 + i // 3, "note": str(i)} for i in range(20)))
        expected = self.ask(store, NOTE, columns=("ts", "note"))
        page = self.scan(store, NOTE, limit=7, columns=("ts", "note"))
        found = plain(page)
        while page.cursor is not None:
            self.put(store, NOTE, {"ts": T0 + 1000, "note": "new"})
            self.tidy(store)
            page = self.scan(store, NOTE, limit=7, columns=("ts", "note"), cursor=page.cursor)
            found += plain(page)
        assert found == expected

    def test_a_strange_cursor_is_refused(self, store: Store) -> None:
        for cursor in ("", "x", "!!", "bnVsbA", "WzFd", "W10", "é"):
            with pytest.raises(QueryError, match="cursor"):
                self.scan(store, NOTE, cursor=cursor)

    def test_a_page_behind_a_cursor_has_no_other_order(self, store: Store) -> None:
        self.put(store, NOTE, {"ts": T0}, {"ts": T0 + 1})
        page = self.scan(store, NOTE, limit=1)
        with pytest.raises(QueryError, match="order_by"):
            self.scan(store, NOTE, limit=1, cursor=page.cursor, order_by="level")

    def test_ordering_by_what_is_not_in_the_answer_is_refused(self, store: Store) -> None:
        with pytest.raises(QueryError, match=r"order_by.*level"):
            self.ask(store, SAMPLE, of(Function.COUNT), order_by="level")

    def test_two_measures_of_one_name_are_refused(self, store: Store) -> None:
        with pytest.raises(QueryError, match="alias"):
            self.ask(store, SAMPLE, of(Function.COUNT), of(Function.MAX, "level"))

    def test_a_question_that_does_not_fit_its_table_is_refused(self, store: Store) -> None:
        with pytest.raises(QueryError, match="rate works on counter"):
            self.ask(store, SAMPLE, of(Function.RATE, "level"))

    def test_a_shifted_question_gives_the_earlier_rows_at_the_asked_times(self, store: Store) -> None:
        day = 86_400 * SECOND
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "level": float(i), "total": i * 10.0} for i in range(6)))
        parts: Parts = {"start_us": T0 + day + 2 * SECOND, "end_us": T0 + day + 5 * SECOND, "shift_us": day}
        assert [(row["ts"] - T0 - day, row["level"]) for row in self.ask(store, SAMPLE, **parts)] == [
            (4 * SECOND, 4.0),
            (3 * SECOND, 3.0),
            (2 * SECOND, 2.0),
        ]
        measures = (
            Measure(Function.AVG, "level", alias="a"),
            Measure(Function.DELTA, "total", alias="d"),
            Measure(Function.MIN, "ts", alias="t"),
        )
        buckets: Parts = {**parts, "bucket_us": 2 * SECOND}
        lines = self.ask(store, SAMPLE, *measures, **buckets)
        start = (T0 + day) // (2 * SECOND) * 2 * SECOND
        assert [line["bucket"] - start for line in lines] == [2 * SECOND, 4 * SECOND]
        assert [(line["a"], line["d"]) for line in lines] == [(2.5, 20.0), (4.0, 10.0)]
        assert lines[0]["t"] == T0 + day + 2 * SECOND
        assert self.scan(store, SAMPLE, of(Function.COUNT), **parts).newest_us == T0 + day + 4 * SECOND
