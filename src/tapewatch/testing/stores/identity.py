"""What makes two rows the same row, and which of them stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tapewatch.model.query import Function
from tapewatch.model.table import tag
from tapewatch.store.base import Store, Stored
from tapewatch.testing.stores.base import SuiteBase, of
from tapewatch.testing.stores.tables import DEAL, JOB, NOTE, SAMPLE, T0, batch


class IdentitySuite(SuiteBase):
    """Identities resolve in every answer at once, in whatever order and however late rows come."""

    def test_a_measurement_that_comes_again_replaces_the_first(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "level": 1.0}, {"ts": T0 + 1, "level": 5.0})
        self.tidy(store)
        self.put(store, SAMPLE, {"ts": T0, "received_at": T0 + 9, "level": 2.0})
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [5.0, 2.0]
        assert self.ask(store, SAMPLE, of(Function.AVG, "level")) == [{"v": 3.5}]
        assert self.ask(store, SAMPLE, of(Function.COUNT)) == [{"v": 2.0}]

    def test_an_older_copy_never_replaces_a_newer_one(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "received_at": T0 + 9, "level": 2.0})
        self.put(store, SAMPLE, {"ts": T0, "received_at": T0 + 8, "level": 1.0}, {"ts": T0 + 1, "level": 3.0})
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [3.0, 2.0]

    def test_received_at_the_same_moment_the_later_call_wins(self, store: Store) -> None:
        for level in (1.0, 2.0, 3.0):
            self.put(store, SAMPLE, {"ts": T0, "level": level})
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [3.0]

    def test_within_one_append_the_last_one_received_wins(self, store: Store) -> None:
        first = batch(SAMPLE, [{"ts": T0, "level": 1.0}, {"ts": T0, "received_at": T0 + 2, "level": 2.0}, {"ts": T0 + 1, "level": 7.0}])
        second = batch(SAMPLE, [{"ts": T0, "received_at": T0 + 1, "level": 3.0}])
        store.append([Stored((first, second))])
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [7.0, 2.0]

    def test_rows_that_differ_in_time_tag_or_source_all_stay(self, store: Store) -> None:
        others: tuple[dict[str, Any], ...] = ({}, {"host": "b"}, {"venue": "b"}, {"env": "paper"}, {"source": "b"}, {"ts": T0 + 1})
        for other in others:
            self.put(store, SAMPLE, {"ts": T0, **other})
        assert len(self.ask(store, SAMPLE)) == len(others)

    def test_late_rows_find_their_place(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0 + 10_000_000, "level": 10.0})
        self.tidy(store)
        for second in (5, 1, 9, 5):
            self.put(store, SAMPLE, {"ts": T0 + second * 1_000_000, "level": float(second)})
        self.tidy(store)
        self.put(store, SAMPLE, {"ts": T0 + 1_000_000, "received_at": T0 + 99_000_000, "level": 1.5})
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [10.0, 9.0, 5.0, 1.5]

    def test_an_event_happens_once_whatever_its_time(self, store: Store) -> None:
        self.put(store, DEAL, {"ts": T0, "deal_id": "a", "price": 1.0}, {"ts": T0, "deal_id": "b", "price": 2.0})
        self.tidy(store)
        self.put(store, DEAL, {"ts": T0 + 50, "deal_id": "a", "price": 3.0, "venue": "elsewhere", "source": "other"})
        assert [(row["ts"] - T0, row["price"]) for row in self.ask(store, DEAL)] == [(50, 3.0), (0, 2.0)]
        assert len(self.ask(store, DEAL, end_us=T0 + 10)) == 1

    def test_events_of_two_environments_are_two(self, store: Store) -> None:
        self.put(store, DEAL, {"deal_id": "a", "env": "live"}, {"deal_id": "a", "env": "paper"})
        assert len(self.ask(store, DEAL)) == 2

    def test_events_without_an_id_are_all_kept(self, store: Store) -> None:
        self.put(store, DEAL, {"price": 1.0}, {"price": 1.0})
        self.put(store, DEAL, {"price": 1.0})
        assert len(self.ask(store, DEAL)) == 3

    def test_each_state_of_a_living_thing_is_a_row(self, store: Store) -> None:
        self.put(store, JOB, {"ts": T0, "job_id": "a", "mood": "fine"}, {"ts": T0 + 1, "job_id": "a", "mood": "slow"})
        self.tidy(store)
        self.put(store, JOB, {"ts": T0, "received_at": T0 + 5, "job_id": "a", "mood": "gone", "venue": "moved"})
        assert [row["mood"] for row in self.ask(store, JOB)] == ["slow", "gone"]

    def test_without_identity_nothing_is_merged(self, store: Store) -> None:
        self.put(store, NOTE, {"ts": T0, "note": "a"}, {"ts": T0, "note": "a"})
        self.put(store, NOTE, {"ts": T0, "note": "a"})
        assert len(self.ask(store, NOTE)) == 3

    def test_an_added_tag_makes_no_second_row_of_one_that_lacks_it(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "level": 1.0})
        self.tidy(store)
        wider = replace(SAMPLE, columns=(*SAMPLE.columns, tag("region", "A region.")))
        store.create(wider)
        self.put(store, wider, {"ts": T0, "level": 2.0, "region": None}, {"ts": T0, "level": 3.0, "region": "eu"})
        assert sorted(row["level"] for row in self.ask(store, wider)) == [2.0, 3.0]
