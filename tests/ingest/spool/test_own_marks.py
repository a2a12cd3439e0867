"""The numbers of the spool's own marks, beside a store that may be newer than their file."""

import logging
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.spool.own_marks import OwnMarks
from tapewatch.model.rows import Mark
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import MARK_WINDOW, Stored
from tapewatch.testing.stores.tables import NOTE, T0, batch


def noted(text: str, mark: Mark) -> Stored:
    return Stored((batch(NOTE, [{"ts": T0, "note": text}]),), mark)


def test_the_file_of_a_backup_beside_a_newer_store_is_refused_by_name_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, file = DuckDBStore(tmp_path, SystemClock()), tmp_path / "spool" / "own-marks"
    store.create(NOTE)
    OwnMarks(file).next()
    backup = file.read_bytes()
    later = OwnMarks(file)
    assert all(store.append([noted(f"{i}", later.next()) for i in range(3)]))
    file.write_bytes(backup)
    again = OwnMarks(file)
    assert store.append([noted("lost", again.next())]) == [False], "what happens without a look at the store"
    file.write_bytes(backup)
    with caplog.at_level(logging.ERROR):
        spool = StoreSpool(tmp_path / "spool", 1_000_000, is_known=store.knows)
    assert str(file) in caplog.text
    assert "is older than the store" in caplog.text
    unmarked = Stored((batch(NOTE, [{"ts": T0 + 1, "note": "kept"}]),))
    assert store.append([spool.marked(unmarked)]) == [True]
    caplog.clear()
    StoreSpool(tmp_path / "spool", 1_000_000, is_known=store.knows)
    assert caplog.text == "", "the next start finds a file that fits"
    spool.close()
    store.close()


@pytest.mark.parametrize("ahead", [1, 2, MARK_WINDOW, MARK_WINDOW + 1, 10 * MARK_WINDOW])
def test_however_much_newer_the_store_is_it_is_seen(tmp_path: Path, ahead: int) -> None:
    marks = OwnMarks(tmp_path / "own-marks")
    first = marks.next()
    file = (tmp_path / "own-marks").read_text()
    most = int(file.split()[1])
    newest = most + ahead

    def is_known(mark: Mark) -> bool:
        return mark.client == first.client and (mark.sequence <= newest - MARK_WINDOW or mark.sequence == newest)

    fresh = OwnMarks(tmp_path / "own-marks")
    fresh.refuse_older(is_known)
    assert fresh.next().client != first.client


def test_a_file_that_fits_the_store_goes_on(tmp_path: Path) -> None:
    first = OwnMarks(tmp_path / "own-marks").next()
    fresh = OwnMarks(tmp_path / "own-marks")
    fresh.refuse_older(lambda mark: mark == first)
    assert fresh.next().client == first.client
    assert fresh.next().sequence > first.sequence
