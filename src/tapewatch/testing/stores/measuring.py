"""What each measure means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tapewatch.model import sketch
from tapewatch.model.query import Comparison, Function, Measure
from tapewatch.store.base import LOOK_BACK_US, STATE_LASTS_US, Store
from tapewatch.testing.stores.base import Parts, SuiteBase, of, where
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0

SECOND = 1_000_000


class MeasuringSuite(SuiteBase):
    """Every `Function`, with nulls, restarts, several sources and edges of the range."""

    def test_over_all_rows_of_a_group(self, store: Store) -> None:
        moods = ("fine", "gone", "fine", "slow")
        self.put(
            store,
            SAMPLE,
            *(
                {"ts": T0 + i, "level": 4.0 - i, "connected": i > 0, "gap": i == 2, "mood": moods[i], "seen_at": T0 + i, "note": f"n{i}"}
                for i in range(4)
            ),
            {"ts": T0 + 4},
        )
        self.tidy(store)
        expected: list[tuple[Measure, Any]] = [
            (of(Function.COUNT), 5.0),
            (of(Function.COUNT, "level"), 4.0),
            (of(Function.AVG, "level"), 2.5),
            (of(Function.MIN, "level"), 1.0),
            (of(Function.MAX, "level"), 4.0),
            (of(Function.FIRST, "level"), 4.0),
            (of(Function.LAST, "level"), 1.0),
            (of(Function.QUANTILE, "level", 0.5), 2.5),
            (of(Function.QUANTILE, "level", 0), 1.0),
            (of(Function.QUANTILE, "level", 1), 4.0),
            (of(Function.MIN, "seen_at"), T0),
            (of(Function.MAX, "ts"), T0 + 4),
            (of(Function.LAST, "note"), "n3"),
            (of(Function.FIRST, "connected"), False),
            (of(Function.AVG, "connected"), 0.75),
            (of(Function.WORST, "connected"), False),
            (of(Function.WORST, "gap"), True),
            (of(Function.WORST, "mood"), "gone"),
            (of(Function.LAST, "mood"), "slow"),
            (of(Function.COUNT, "mood"), 4.0),
        ]
        assert [(measure, self.ask(store, SAMPLE, measure)[0]["v"]) for measure, _ in expected] == expected

    def test_a_quantile_lies_between_the_two_values_of_the_closest_ranks(self, store: Store) -> None:
        values = [-5e300, -3.0, -3.0, -2e-310, 0.0, None, 0.0, 1e-9, 0.125, 1.0, 1.0, 1.0625, 60_000.1, 60_000.2, None, 2e15, 5e300]
        rows = [{"ts": T0 + i * SECOND, "host": "ab"[i % 2], "source": "xyz"[i % 3], "level": value} for i, value in enumerate(values)]
        self.put(store, SAMPLE, *rows[:9])
        self.tidy(store)
        self.put(store, SAMPLE, *rows[9:])
        for fraction in (0, 0.01, 0.25, 1 / 3, 0.5, 0.66, 0.9, 1):
            measures = (of(Function.QUANTILE, "level", fraction), Measure(Function.QUANTILE, "level", 0.4), Measure(Function.COUNT))
            for host in ("a", "b"):
                known = [row["level"] for row in rows if row["host"] == host and row["level"] is not None]
                first = np.quantile(np.array(known), [fraction, 0.4])
                line = next(line for line in self.ask(store, SAMPLE, *measures, group_by=("host",)) if line["host"] == host)
                assert [line["v"], line["p40_level"]] == pytest.approx(first, rel=1e-12, abs=0)
        per_bucket = self.ask(store, SAMPLE, of(Function.QUANTILE, "level", 0.5), start_us=T0, bucket_us=5 * SECOND)
        assert [line["v"] for line in per_bucket] == [pytest.approx(value) for value in (-3.0, 0.0625000005, 30_000.58125, 2.5e300)]

    def test_of_nothing_but_nulls_is_null(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0}, {"ts": T0 + 1})
        columns: dict[Function, tuple[str, str | float | None]] = {
            Function.RATE: ("total", None),
            Function.DELTA: ("total", None),
            Function.QUANTILE: ("latency_ms_sketch", 0.5),
            Function.BUCKETS: ("latency_ms_sketch", None),
            Function.WORST: ("mood", None),
            Function.TIME_IN_STATE: ("mood", "fine"),
        }
        functions = [function for function in Function if function not in {Function.COUNT, Function.RATIO}]
        measures = [Measure(function, *columns.get(function, ("level", None)), alias=str(function)) for function in functions]
        for measure in measures:
            line = self.ask(store, SAMPLE, measure, Measure(Function.COUNT, "level"))
            assert line == [{measure.name: None, "count_level": 0.0}]
        assert self.ask(store, SAMPLE, *measures) == [{measure.name: None for measure in measures}]

    def test_a_rate_survives_restarts_and_nulls(self, store: Store) -> None:
        totals = (100.0, 103.0, None, 109.0, 2.0, 5.0)
        self.put(store, SAMPLE, *({"ts": T0 + i * 10 * SECOND, "total": total} for i, total in enumerate(totals)))
        self.tidy(store)
        assert self.ask(store, SAMPLE, of(Function.DELTA, "total")) == [{"v": 14.0}]
        assert self.ask(store, SAMPLE, of(Function.RATE, "total")) == [{"v": pytest.approx(14 / 50)}]

    def test_a_series_alone_with_its_first_row_has_gained_nothing_yet(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "total": 500.0})
        assert self.ask(store, SAMPLE, of(Function.DELTA, "total")) == [{"v": None}]

    def test_the_first_row_of_the_range_is_compared_with_the_one_before(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "total": i * 2.0} for i in range(10)))
        self.tidy(store)
        lines = self.ask(store, SAMPLE, of(Function.DELTA, "total"), start_us=T0 + 4 * SECOND, end_us=T0 + 8 * SECOND, bucket_us=2 * SECOND)
        assert [line["v"] for line in lines] == [4.0, 4.0]
        whole = self.ask(store, SAMPLE, of(Function.DELTA, "total"), start_us=T0 + 4 * SECOND, end_us=T0 + 8 * SECOND)
        assert whole == [{"v": 8.0}]

    def test_the_look_back_ends_after_an_hour(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0 - LOOK_BACK_US, "venue": "a", "total": 1.0}, {"ts": T0, "venue": "a", "total": 4.0})
        self.put(store, SAMPLE, {"ts": T0 - LOOK_BACK_US - 1, "venue": "b", "total": 1.0}, {"ts": T0, "venue": "b", "total": 4.0})
        lines = self.ask(store, SAMPLE, of(Function.DELTA, "total"), group_by=("venue",), start_us=T0)
        assert lines == [{"venue": "a", "v": 3.0}, {"venue": "b", "v": None}]

    def test_counters_are_never_compared_across_hosts_or_sources(self, store: Store) -> None:
        for host, start in (("a", 1000.0), ("b", 5.0)):
            self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "host": host, "total": start + i} for i in range(5)))
        assert self.ask(store, SAMPLE, of(Function.DELTA, "total")) == [{"v": 8.0}]

    def test_of_several_sources_the_one_that_saw_most_counts(self, store: Store) -> None:
        for source, step in (("a", 1.0), ("b", 3.0)):
            rows = [{"ts": T0 + i * SECOND, "source": source, "total": i * step, "amount": step, "mood": "slow"} for i in range(5)]
            self.put(store, SAMPLE, *rows, {"ts": T0 + 5 * SECOND, "source": source, "mood": "fine"})
        assert self.ask(store, SAMPLE, of(Function.DELTA, "total")) == [{"v": 12.0}]
        assert self.ask(store, SAMPLE, of(Function.RATE, "total")) == [{"v": pytest.approx(3.0)}]
        assert self.ask(store, SAMPLE, of(Function.SUM, "amount")) == [{"v": 15.0}]
        assert self.ask(store, SAMPLE, of(Function.TIME_IN_STATE, "mood", "slow")) == [{"v": 5.0}]
        assert self.ask(store, SAMPLE, of(Function.SUM, "amount"), group_by=("source",)) == [
            {"source": "a", "v": 5.0},
            {"source": "b", "v": 15.0},
        ]

    def test_series_of_a_group_are_added(self, store: Store) -> None:
        for venue in "ab":
            for host in "xy":
                self.put(
                    store, SAMPLE, *({"ts": T0 + i * SECOND, "venue": venue, "host": host, "amount": 1.0, "total": i} for i in range(3))
                )
        for function, column, value in ((Function.SUM, "amount", 6.0), (Function.DELTA, "total", 4.0), (Function.RATE, "total", 2.0)):
            lines = self.ask(store, SAMPLE, of(function, column), group_by=("venue",))
            assert lines == [{"venue": venue, "v": pytest.approx(value)} for venue in "ab"]

    def test_a_state_lasts_until_the_next_row_and_is_cut_at_the_range(self, store: Store) -> None:
        moods = ((0, "fine"), (10, "gone"), (25, "fine"), (40, "slow"))
        self.put(store, SAMPLE, *({"ts": T0 + s * SECOND, "mood": mood} for s, mood in moods))
        self.tidy(store)
        seconds = {
            mood: self.ask(store, SAMPLE, of(Function.TIME_IN_STATE, "mood", mood), start_us=T0 + 5 * SECOND, end_us=T0 + 45 * SECOND)
            for mood in ("fine", "gone", "slow")
        }
        assert seconds == {"fine": [{"v": 20.0}], "gone": [{"v": 15.0}], "slow": [{"v": 5.0}]}

    def test_a_state_is_split_over_buckets_and_carried_into_the_range(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0 - 5 * SECOND, "connected": False}, {"ts": T0 + 25 * SECOND, "connected": True})
        lines = self.ask(
            store,
            SAMPLE,
            of(Function.TIME_IN_STATE, "connected", "false"),
            Measure(Function.COUNT),
            start_us=T0,
            end_us=T0 + 40 * SECOND,
            bucket_us=10 * SECOND,
        )
        assert [(line["v"], line["count"]) for line in lines] == [(10.0, 0.0), (10.0, 0.0), (5.0, 1.0), (0.0, 0.0)]

    def test_a_state_without_evidence_ends(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "mood": "gone"}, {"ts": T0 + 10 * STATE_LASTS_US, "mood": "fine"})
        assert self.ask(store, SAMPLE, of(Function.TIME_IN_STATE, "mood", "gone")) == [{"v": STATE_LASTS_US / SECOND}]
        late: Parts = {"start_us": T0 + STATE_LASTS_US, "end_us": T0 + 2 * STATE_LASTS_US}
        assert self.ask(store, SAMPLE, of(Function.TIME_IN_STATE, "mood", "gone"), **late) == []

    def test_sketches_merge_and_give_quantiles(self, store: Store) -> None:
        parts = [{1: 2, 300: 1}, {1: 1, -10_000: 3}, None, {400: 1}]
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "latency_ms_sketch": held} for i, held in enumerate(parts)))
        self.tidy(store)
        merged = sketch.merge(parts)
        assert self.ask(store, SAMPLE, of(Function.BUCKETS, "latency_ms_sketch")) == [{"v": merged}]
        for fraction in (0.0, 0.25, 0.5, 0.9, 0.99, 1.0):
            expected = pytest.approx(sketch.quantile(merged, fraction))
            assert self.ask(store, SAMPLE, of(Function.QUANTILE, "latency_ms_sketch", fraction)) == [{"v": expected}]
        per_bucket = self.ask(store, SAMPLE, of(Function.BUCKETS, "latency_ms_sketch"), bucket_us=2 * SECOND, start_us=T0)
        assert [line["v"] for line in per_bucket] == [sketch.merge(parts[:2]), sketch.merge(parts[2:])]

    def test_values_of_a_gauge_are_counted_like_those_of_a_sketch(self, store: Store) -> None:
        levels = (0.0, 1e-9, 3.0, 3.0, 250.0, -4.0, None)
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "level": level} for i, level in enumerate(levels)))
        self.tidy(store)
        expected = {sketch.ZERO_INDEX: 2, sketch.index_of(3.0): 2, sketch.index_of(250.0): 1}
        assert self.ask(store, SAMPLE, of(Function.BUCKETS, "level")) == [{"v": expected}]
        assert self.ask(store, SAMPLE, of(Function.BUCKETS, "level"), start_us=T0 + 5 * SECOND) == [{"v": None}]

    def test_a_ratio_divides_what_its_parts_found(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i, "venue": v, "amount": a} for i, (v, a) in enumerate((("a", 3.0), ("a", 1.0), ("b", 0.0)))))
        share = Measure(Function.RATIO, over=(Measure(Function.SUM, "amount"), Measure(Function.COUNT)), alias="v")
        inverse = Measure(Function.RATIO, over=(Measure(Function.COUNT), Measure(Function.SUM, "amount")), alias="w")
        assert self.ask(store, SAMPLE, share, inverse, group_by=("venue",)) == [
            {"venue": "a", "v": 2.0, "w": 0.5},
            {"venue": "b", "v": 0.0, "w": None},
        ]

    def test_filters_apply_before_anything_is_measured(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "level": float(i % 2), "total": i * 1.0, "amount": 1.0} for i in range(6)))
        only = where("level", Comparison.EQ, 1.0)
        assert self.ask(store, SAMPLE, of(Function.SUM, "amount"), filters=only) == [{"v": 3.0}]
        assert self.ask(store, SAMPLE, of(Function.DELTA, "total"), filters=only) == [{"v": 4.0}]

    def test_measures_of_every_family_meet_in_one_answer(self, store: Store) -> None:
        self.put(store, SAMPLE, *({"ts": T0 + i * SECOND, "level": 1.0, "total": i * 1.0, "amount": 2.0, "mood": "fine"} for i in range(4)))
        measures = (
            Measure(Function.COUNT),
            Measure(Function.SUM, "amount"),
            Measure(Function.DELTA, "total"),
            Measure(Function.TIME_IN_STATE, "mood", "fine"),
            Measure(Function.QUANTILE, "latency_ms_sketch", 0.5),
        )
        answer = self.scan(store, SAMPLE, *measures, group_by=("venue",), end_us=T0 + 4 * SECOND)
        assert list(answer.columns) == ["venue", "count", "sum_amount", "delta_total", "mood_fine_s", "p50_latency_ms_sketch"]
        assert self.ask(store, SAMPLE, *measures, end_us=T0 + 4 * SECOND) == [
            {"count": 4.0, "sum_amount": 8.0, "delta_total": 3.0, "mood_fine_s": 4.0, "p50_latency_ms_sketch": None}
        ]
        assert (answer.rows_behind, answer.newest_us) == (4, T0 + 3 * SECOND)

    def test_first_and_last_of_rows_at_one_moment_follow_their_arrival(self, store: Store) -> None:
        self.put(store, NOTE, *({"ts": T0, "note": word} for word in ("b", "a", "c", "b2")))
        assert self.ask(store, NOTE, of(Function.FIRST, "note")) == [{"v": "b"}]
        assert self.ask(store, NOTE, of(Function.LAST, "note")) == [{"v": "b2"}]
