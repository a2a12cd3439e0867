"""Rows that were accepted while the store is away: no command leaves them behind without a word, or calls them lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.spool.store_spool import WAITING
from tapewatch.model.rows import Mark
from tapewatch.opening import STORE_SPOOL
from tapewatch.store.base import Stored
from tests.rows import accepted
from tests.server import Running
from tests.small_disk import fill, small_disk
from tests.started import UPKEEP_SOON, request, rows, tapewatch, up, wait_for, write


def put(data: Path, count: int, *, refused: int = 0) -> None:
    """As a server leaves its data when it stops while the store is away."""
    spool = StoreSpool(data / STORE_SPOOL, 1_000_000)
    for number, rows_of in enumerate((count, refused), start=1):
        if rows_of:
            given = [{"venue": f"v{i}", "connected": True, "ts": time.time_ns() // 1000 + i} for i in range(rows_of)]
            spool.put([(Stored((accepted("exchange", given, now_us=time.time_ns() // 1000),), Mark("bot", number)), rows_of)])
        if number == 2 and refused:
            assert len(spool.oldest()) == 1
            spool.set_aside("it does not want them")
    spool.close()


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The data directory of a server that has stopped."""
    with up(tmp_path, "watch_self = false\n") as server:
        write(server, "exchange", {"venue": "kraken", "connected": True})
    return tmp_path / "data"


def test_a_backup_of_a_stopped_server_counts_the_rows_that_are_not_in_it(stopped: Path) -> None:
    put(stopped, 7)
    done = tapewatch("backup", "one", "--data", "data", folder=stopped.parent)
    assert done.returncode == 1
    assert done.stdout.endswith("bytes, verified\n")
    assert "7 accepted rows are not in it: they waited in the server's spool when it began" in done.stderr
    with up(stopped.parent, "watch_self = false\n") as server:
        wait_for(lambda: len(rows(server, "exchange")) == 8)
    done = tapewatch("backup", "two", "--data", "data", folder=stopped.parent)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_move_would_leave_waiting_rows_behind_and_is_refused(stopped: Path) -> None:
    put(stopped, 7)
    done = tapewatch("migrate", "data", "moved", folder=stopped.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert "7 accepted rows wait in the spool in data and would stay behind; start the server once with room on its disk" in done.stderr
    assert not (stopped.parent / "moved").exists()
    with up(stopped.parent, "watch_self = false\n") as server:
        wait_for(lambda: len(rows(server, "exchange")) == 8)
    done = tapewatch("migrate", "data", "moved", folder=stopped.parent)
    assert done.returncode == 0
    assert "exchange: 8 rows in both" in done.stdout


def test_rows_that_the_store_refused_for_good_are_told_and_stop_no_move(stopped: Path) -> None:
    put(stopped, 0, refused=3)
    done = tapewatch("backup", "one", "--data", "data", folder=stopped.parent)
    assert done.returncode == 1
    assert "3 accepted rows are not in it: the store has refused them, and they are kept in store-spool/set-aside" in done.stderr
    done = tapewatch("migrate", "data", "moved", folder=stopped.parent)
    assert done.returncode == 0
    assert done.stdout.endswith("3 accepted rows that the store has refused stay in data/store-spool/set-aside\n")


def test_rows_that_the_store_refused_for_good_are_listed_and_tried_again(stopped: Path) -> None:
    put(stopped, 0, refused=3)
    done = tapewatch("set-aside", "--data", "data", folder=stopped.parent)
    assert (done.returncode, done.stdout) == (0, "3 rows are set aside: 3 of exchange, delivery 2 of bot\n"), done.stderr
    with up(stopped.parent, "watch_self = false\n") as server:
        assert request(server, "/health")[0] == 503
        done = tapewatch("set-aside", "--retry", "--data", "data", folder=stopped.parent)
        assert done.returncode == 2
        assert "is in use by tapewatch process" in done.stderr
    done = tapewatch("set-aside", "--retry", "--data", "data", folder=stopped.parent)
    assert (done.returncode, done.stdout) == (0, "3 rows are in the store now\n"), done.stderr
    done = tapewatch("set-aside", "--data", "data", folder=stopped.parent)
    assert (done.returncode, done.stdout) == (0, "data/store-spool/set-aside: nothing is set aside\n")
    with up(stopped.parent, "watch_self = false\n") as server:
        assert request(server, "/health")[0] == 200
        assert len(rows(server, "exchange")) == 4


def test_a_spool_that_cannot_be_read_is_no_empty_one(stopped: Path) -> None:
    (stopped / STORE_SPOOL / WAITING / f"{1:012d}.seg").mkdir(parents=True)
    for command in (("backup", "one", "--data", "data"), ("migrate", "data", "moved")):
        done = tapewatch(*command, folder=stopped.parent)
        assert done.returncode == 1
        assert "the spool in data/store-spool cannot be read: " in done.stderr


@contextmanager
def full(folder: Path) -> Iterator[tuple[Running, Path]]:
    """A server whose store has no room while its spool has; give it and what takes the room."""
    with small_disk(folder / "disk", "12m") as disk:
        (folder / "roomy").mkdir()
        (disk / "data").mkdir()
        (disk / "data" / STORE_SPOOL).symlink_to(folder / "roomy")
        with up(folder / "server", "", "--data", str(disk / "data"), first=UPKEEP_SOON) as server:
            wait_for(lambda: rows(server, "collector_run"))
            filler = fill(disk)
            wait_for(lambda: request(server, "/health")[0] == 503)
            yield server, filler


@pytest.mark.slow
def test_a_backup_of_a_running_server_counts_the_rows_that_are_not_in_it(tmp_path: Path) -> None:
    with full(tmp_path) as (server, filler):
        write(server, "exchange", *({"venue": f"v{i}", "connected": True} for i in range(50)))
        done = tapewatch("backup", str(tmp_path / "one"), "--url", server.url, folder=tmp_path)
        assert done.returncode == 1, done.stdout + done.stderr
        counted = int(done.stderr.removeprefix("tapewatch: backup: ").partition(" accepted rows are not in it")[0])
        assert counted >= 50
        filler.unlink()
        wait_for(lambda: request(server, "/health")[0] == 200)
        wait_for(lambda: len(rows(server, "exchange")) == 50)
        wait_for(lambda: tapewatch("backup", str(tmp_path / str(time.time_ns())), "--url", server.url, folder=tmp_path).returncode == 0)


@pytest.mark.slow
def test_doctor_says_that_the_store_is_away_although_rows_are_taken(tmp_path: Path) -> None:
    with full(tmp_path) as (server, filler):
        done = tapewatch("doctor", "--url", server.url, folder=tmp_path, within_s=60)
        assert done.returncode == 1
        marks = {line.split()[0]: line.split(None, 2)[1:] for line in done.stdout.splitlines()[:8]}
        assert marks["receiver"][0] == "ok"
        assert marks["ingest"] == ["ok", "acknowledged, which means on disk: the row waits in the server's spool"]
        assert marks["store"][0] == "BROKEN"
        assert marks["store"][1].startswith("The store is away: ")
        assert "No space left" in marks["store"][1]
        assert " accepted rows wait in the spool; free some space: it goes on by itself" in marks["store"][1]
        assert [marks[name][0] for name in ("query", "panel")] == ["?", "?"]
        filler.unlink()
        wait_for(lambda: request(server, "/health")[0] == 200)
        done = tapewatch("doctor", "--url", server.url, folder=tmp_path, within_s=60)
        assert done.stdout.endswith("every link is sound\n"), done.stdout
