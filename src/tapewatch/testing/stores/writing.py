"""What a store promises about writing: values, marks, transactions, added columns, reopening, threads."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapewatch.errors import QueryError, StoreRejected, StoreUnavailable
from tapewatch.model.query import Function, Mode
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch
from tapewatch.model.table import Column, Kind, gauge, tag
from tapewatch.store.base import BODY_MARK_US, MARK_WINDOW, Recognising, Store, Stored
from tapewatch.testing.stores.base import SuiteBase, of
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, TABLES, batch

FULL_ROW: dict[str, Any] = {
    "ts": T0,
    "received_at": T0 + 5,
    "source": "bot",
    "env": "paper",
    "host": "h1",
    "venue": "köln ☂ 'x\"y; -- %s $1 {}",
    "level": -0.1,
    "total": 1e15,
    "amount": 0.0,
    "connected": True,
    "gap": False,
    "mood": "slow",
    "seen_at": T0 - 1,
    "note": "",
    "latency_ms_sketch": {-10_000: 1, -3: 2, 40: 3},
    "flags": '{"level":"nan"}',
}


class WritingSuite(SuiteBase):
    """`create`, `append`, `drop_before`, `usage`, `close`."""

    def test_every_kind_of_value_comes_back_as_it_was_stored(self, store: Store) -> None:
        self.put(store, SAMPLE, FULL_ROW)
        self.tidy(store)
        assert self.ask(store, SAMPLE) == [FULL_ROW]

    def test_nulls_of_every_kind_come_back_as_null(self, store: Store) -> None:
        self.put(store, SAMPLE, {"ts": T0, "source": "bot", "env": "live", "host": "h", "venue": "v"})
        (row,) = self.ask(store, SAMPLE)
        given = {"ts": T0, "received_at": T0, "source": "bot", "env": "live", "host": "h", "venue": "v"}
        assert row == dict.fromkeys(SAMPLE.column) | given

    def test_a_column_that_a_batch_lacks_is_null(self, store: Store) -> None:
        columns: dict[str, Any] = {name: Coded.constant("x", 1) for name in ("source", "env", "host", "venue")}
        short = RowBatch("sample", 1, {"ts": np.array([T0]), "received_at": np.array([T0]), **columns})
        store.append([Stored((short, batch(SAMPLE, [{"ts": T0 + 1, "level": 1.0}])))])
        assert [row["level"] for row in self.ask(store, SAMPLE)] == [1.0, None]

    def test_times_from_year_1_to_9999_are_kept_and_found(self, store: Store) -> None:
        hour = 3_600_000_000
        moments = (-62_135_596_800_000_000, -1, 0, 1, T0, 253_402_300_799_999_999)
        for ts in moments:
            self.put(store, SAMPLE, {"ts": ts, "seen_at": ts, "level": 1.0})
        self.tidy(store)
        for ts in moments:
            (row,) = self.ask(store, SAMPLE, start_us=ts, end_us=ts + 1)
            assert (row["ts"], row["seen_at"]) == (ts, ts)
            (line,) = self.ask(store, SAMPLE, of(Function.COUNT), start_us=ts, end_us=ts + 1, bucket_us=hour)
            assert line == {"bucket": ts // hour * hour, "v": 1.0}

    def test_rows_of_several_tables_and_batches_become_visible_together(self, store: Store) -> None:
        store.append([Stored((batch(SAMPLE, [{"ts": T0}]), batch(NOTE, [{"ts": T0}]))), Stored((batch(SAMPLE, [{"ts": T0 + 1}]),))])
        assert [len(self.ask(store, table)) for table in (SAMPLE, NOTE)] == [2, 1]

    def test_a_known_mark_changes_nothing(self, store: Store) -> None:
        mark = Mark("bot", 1)
        assert self.put(store, NOTE, {"ts": T0}, mark=mark)
        assert not self.put(store, NOTE, {"ts": T0}, mark=mark)
        assert len(self.ask(store, NOTE)) == 1

    def test_a_store_that_recognises_says_which_marks_it_has_taken(self, store: Store) -> None:
        if isinstance(store, Recognising):
            mark, body = Mark("bot", 1), BodyMark("d", T0)
            self.put(store, NOTE, {"ts": T0}, mark=mark)
            assert (store.knows(mark), store.knows(Mark("bot", 2)), store.knows(body)) == (True, False, False)
            self.put(store, NOTE, {"ts": T0 + 1}, mark=body)
            assert store.knows(BodyMark("d", T0 + 1))
            assert not store.knows(BodyMark("d", T0 + BODY_MARK_US))

    def test_one_mark_twice_in_one_append_is_taken_once(self, store: Store) -> None:
        delivery = Stored((batch(NOTE, [{"ts": T0}]),), Mark("bot", 1))
        assert store.append([delivery, delivery, replace(delivery, mark=Mark("other", 1))]) == [True, False, True]
        assert len(self.ask(store, NOTE)) == 2

    def test_marks_may_come_out_of_order_and_very_old_ones_are_known(self, store: Store) -> None:
        assert self.put(store, NOTE, {"ts": T0}, mark=Mark("bot", MARK_WINDOW + 10))
        assert self.put(store, NOTE, {"ts": T0}, mark=Mark("bot", 11))
        assert not self.put(store, NOTE, {"ts": T0}, mark=Mark("bot", 10))
        assert not self.put(store, NOTE, {"ts": T0}, mark=Mark("bot", 11))

    def test_a_delivery_without_rows_keeps_its_mark(self, store: Store) -> None:
        assert store.append([Stored((), Mark("bot", 1))]) == [True]
        assert not self.put(store, NOTE, {"ts": T0}, mark=Mark("bot", 1))

    def test_a_body_is_known_for_ten_minutes(self, store: Store) -> None:
        assert self.put(store, NOTE, {"ts": T0}, mark=BodyMark("d1", T0))
        for later_us, is_new in ((1, False), (BODY_MARK_US - 1, False), (BODY_MARK_US, True), (BODY_MARK_US + 1, False)):
            assert self.put(store, NOTE, {"ts": T0}, mark=BodyMark("d1", T0 + later_us)) is is_new
        assert self.put(store, NOTE, {"ts": T0}, mark=BodyMark("d2", T0))
        assert len(self.ask(store, NOTE)) == 3

    def test_one_body_twice_in_one_append_is_taken_once(self, store: Store) -> None:
        rows = (batch(NOTE, [{"ts": T0}]),)
        assert store.append([Stored(rows, BodyMark("d1", T0)), Stored(rows, BodyMark("d1", T0 + 1))]) == [True, False]
        assert len(self.ask(store, NOTE)) == 1

    def test_nothing_of_a_rejected_append_is_kept(self, store: Store) -> None:
        good = Stored((batch(NOTE, [{"ts": T0}]),), Mark("bot", 1))
        strange = RowBatch("nowhere", 1, {"ts": np.array([T0])})
        with pytest.raises(StoreRejected, match="nowhere"):
            store.append([good, Stored((strange,))])
        with pytest.raises(StoreRejected, match="nowhere"):
            store.append([replace(good, mark=BodyMark("d1", T0)), Stored((strange,))])
        assert self.ask(store, NOTE) == []
        assert store.append([good, replace(good, mark=BodyMark("d1", T0))]) == [True, True]

    def test_a_column_outside_the_table_is_rejected_by_name(self, store: Store) -> None:
        with pytest.raises(StoreRejected, match="colour"):
            store.append([Stored((RowBatch("note", 1, {"ts": np.array([T0]), "colour": np.array([1.0])}),))])

    def test_creating_a_table_again_changes_nothing(self, store: Store) -> None:
        self.put(store, SAMPLE, FULL_ROW)
        store.create(SAMPLE)
        assert self.ask(store, SAMPLE) == [FULL_ROW]

    def test_an_added_column_is_null_in_old_rows_and_kept_in_new_ones(self, store: Store) -> None:
        self.put(store, NOTE, {"ts": T0, "level": 1.0})
        self.tidy(store)
        wider = replace(NOTE, columns=(*NOTE.columns, gauge("extra", "none", "An extra."), tag("region", "A region.")))
        store.create(wider)
        self.put(store, wider, {"ts": T0 + 1, "extra": 2.0, "region": "eu"})
        rows = self.ask(store, wider)
        assert [(row["extra"], row["region"], row["level"]) for row in rows] == [(2.0, "eu", None), (None, None, 1.0)]
        groups = self.ask(store, wider, of(Function.COUNT), group_by=("region",))
        assert groups == [{"region": "eu", "v": 1.0}, {"region": None, "v": 1.0}]

    def test_a_column_of_another_kind_is_rejected_and_the_table_stays(self, store: Store) -> None:
        self.put(store, NOTE, {"ts": T0, "level": 1.0})
        other = tuple(Column("level", Kind.TEXT, "Now words.") if column.name == "level" else column for column in NOTE.columns)
        with pytest.raises(StoreRejected, match="level"):
            store.create(replace(NOTE, columns=other))
        assert [row["level"] for row in self.ask(store, NOTE)] == [1.0]

    def test_drop_before_deletes_exactly_the_older_rows(self, store: Store) -> None:
        self.put(store, NOTE, *({"ts": T0 + i} for i in range(5)))
        self.tidy(store)
        self.put(store, NOTE, *({"ts": T0 + i} for i in range(5)))
        assert store.drop_before("note", T0 + 3) == 6
        assert [row["ts"] - T0 for row in self.ask(store, NOTE)] == [4, 4, 3, 3]

    def test_usage_counts_tables(self, store: Store) -> None:
        self.put(store, NOTE, *({"ts": T0 + i} for i in range(5)))
        assert store.usage().rows_by_table["note"] == 5
        assert set(store.usage().rows_by_table) >= {table.name for table in TABLES}

    def test_after_close_it_is_away_and_a_second_close_does_nothing(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreUnavailable):
            self.put(store, NOTE, {"ts": T0})
        with pytest.raises(StoreUnavailable):
            self.ask(store, NOTE)

    def test_rows_and_marks_are_there_after_reopening(self, tmp_path: Path) -> None:
        store = self.open_store(tmp_path)
        is_durable = store.capabilities.durable
        for table in TABLES:
            store.create(table)
        self.put(store, SAMPLE, FULL_ROW, mark=Mark("bot", 1))
        self.put(store, NOTE, {"ts": T0, "note": "first"}, mark=BodyMark("d1", T0))
        store.close()
        again = self.open_store(tmp_path)
        for table in TABLES:
            again.create(table)
        assert self.ask(again, SAMPLE) == ([FULL_ROW] if is_durable else [])
        assert self.put(again, SAMPLE, FULL_ROW, mark=Mark("bot", 1)) is not is_durable
        if is_durable:
            assert not self.put(again, NOTE, {"ts": T0, "note": "first"}, mark=BodyMark("d1", T0 + BODY_MARK_US - 1))
        self.put(again, NOTE, {"ts": T0, "note": "second"})
        assert [row["note"] for row in self.ask(again, NOTE)] == (["second", "first"] if is_durable else ["second"])
        again.close()

    def test_writers_and_readers_of_many_threads_see_whole_deliveries(self, store: Store) -> None:
        wrong: list[object] = []

        def write(client: int) -> None:
            for sequence in range(1, 11):
                rows = [{"ts": T0 + sequence * 1000 + i, "venue": f"v{client}", "level": 1.0} for i in range(20)]
                taken = self.put(store, NOTE, *rows, mark=Mark(f"c{client}", sequence))
                wrong.extend([] if taken else ["refused"])

        def read() -> None:
            while not done.is_set():
                wrong.extend(line for line in self.ask(store, NOTE, of(Function.COUNT), group_by=("venue",)) if line["v"] % 20)

        done = threading.Event()
        readers = [threading.Thread(target=read) for _ in range(2)]
        writers = [threading.Thread(target=write, args=(client,)) for client in range(3)]
        for thread in (*readers, *writers):
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in readers:
            thread.join()
        assert wrong == []
        assert [line["v"] for line in self.ask(store, NOTE, of(Function.COUNT), group_by=("venue",))] == [200.0] * 3

    def test_an_unknown_table_is_no_question(self, store: Store) -> None:
        with pytest.raises(QueryError, match="nowhere"):
            self.ask(store, replace(NOTE, name="nowhere"), mode=Mode.ROWS)
