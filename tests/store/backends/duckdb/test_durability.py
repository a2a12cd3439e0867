"""What an operator fears: kill, a full disk, two servers, a newer format."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError, StoreFull, StoreUnavailable
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Mark
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, newest_format
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import NOTE, T0, batch, plain
from tests.small_disk import fill, small_disk

APPENDING = """
    import os
    import sys
    from pathlib import Path
    from tapewatch.clock import SystemClock
    from tapewatch.model.rows import Mark
    from tapewatch.store.backends.duckdb import DuckDBStore
    from tapewatch.store.base import Stored
    from tapewatch.testing.stores.tables import NOTE, T0, batch

    store = DuckDBStore(Path(sys.argv[1]), SystemClock())
    store.create(NOTE)
    sequence = int(sys.argv[2])
    while True:
        rows = [{"ts": T0 + sequence * 1000 + i, "note": str(sequence)} for i in range(20)]
        taken = store.append([Stored((batch(NOTE, rows),), Mark("bot", sequence))])
        os.write(1, f"{sequence} {taken[0]}\\n".encode())
        if sequence % 25 == 0:
            store._upkeep._moved_before.clear()
            store.maintain(T0 + 10**12)
        sequence += 1
"""


def opened(directory: Path) -> DuckDBStore:
    store = DuckDBStore(directory, SystemClock())
    store.create(NOTE)
    return store


def notes(store: DuckDBStore) -> list[str]:
    query = Query("note", T0 - 10**9, T0 + 10**12, mode=Mode.ROWS, columns=("note",))
    return [row["note"] for row in plain(store.scan(query))]


def appending(directory: Path, sequence: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(APPENDING), str(directory), str(sequence)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_was_acknowledged_survives_kill_9_once(tmp_path: Path) -> None:
    acknowledged = 0
    for run in range(3):
        process = appending(tmp_path, max(1, acknowledged))  # repeats the last one: its mark makes that a no-op
        assert process.stdout is not None
        deadline = time.monotonic() + 0.35 + run * 0.2
        first = process.stdout.readline().split()
        assert first[1:] == (["True"] if run == 0 else ["False"]), process.communicate()
        acknowledged = int(first[0])
        while time.monotonic() < deadline:
            acknowledged = int(process.stdout.readline().split()[0])
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split("\n")
        acknowledged = max([acknowledged, *(int(line.split()[0]) for line in rest if re.fullmatch(r"\d+ True", line))])
        store = opened(tmp_path)
        found = notes(store)
        newest = max(int(note) for note in found)
        assert acknowledged <= newest <= acknowledged + 1
        assert sorted(found, key=int) == [str(sequence) for sequence in range(1, newest + 1) for _ in range(20)]
        store.close()
        acknowledged = newest


def test_rows_reach_the_disk_before_append_returns(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        reason = "strace is missing: run `make services`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    script = textwrap.dedent(APPENDING).replace("while True:", "while sequence < 6:")
    trace = tmp_path / "trace"
    command = [
        strace,
        "-f",
        "-e",
        "trace=fsync,fdatasync,write",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        script,
        str(tmp_path / "store"),
        "1",
    ]
    subprocess.run(command, check=True, capture_output=True)
    events = re.findall(r"(fdatasync|fsync|write)\((\d+)(?:, \"(\d+) True)?", trace.read_text(encoding="utf-8", errors="replace"))
    since_synced = [name for name, _, acknowledged in events if name != "write" or acknowledged]
    for position, name in enumerate(since_synced):
        assert name != "write" or since_synced[position - 1] in {"fsync", "fdatasync"}
    assert since_synced.count("write") == 5


def test_a_second_server_is_refused_with_the_process_id_of_the_first(tmp_path: Path) -> None:
    process = appending(tmp_path, 1)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(ConfigError, match=f"in use by tapewatch process {process.pid} on host"):
        opened(tmp_path)
    process.kill()
    process.communicate()
    opened(tmp_path).close()


def test_a_second_store_of_the_same_process_is_refused_until_the_first_is_closed(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with duckdb.connect(tmp_path / "tapewatch.duckdb") as connection:
        connection.execute("UPDATE books.format SET version = 99")
    with pytest.raises(ConfigError, match=f"store format 99, this tapewatch reads up to {newest_format(MIGRATIONS)}"):
        opened(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 1000])
def test_a_file_that_is_no_store_is_one_readable_message(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tapewatch.duckdb").write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot open .*tapewatch\.duckdb"):
        opened(tmp_path)
    (tmp_path / "tapewatch.duckdb").unlink()
    opened(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_one_readable_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another data directory"):
        opened(tmp_path / "file" / "data")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", "24m") as folder:
        yield folder


def words(sequence: int) -> Stored:
    rows = [{"ts": T0 + sequence * 1000 + i, "note": f"{sequence:040d}{i:040d}" * 6} for i in range(500)]
    return Stored((batch(NOTE, rows),), Mark("bot", sequence))


def append_until_full(store: DuckDBStore) -> int:
    """Append until the disk is full; how many were acknowledged."""
    for sequence in itertools.count(1):
        try:
            store.append([words(sequence)])
        except StoreUnavailable:
            return sequence - 1
    return 0


def test_on_a_full_disk_nothing_acknowledged_is_lost_and_it_goes_on_when_there_is_space(disk: Path) -> None:
    ballast = disk / "ballast"
    store = opened(disk / "store")
    ballast.write_bytes(bytes(12 << 20))
    sequence = append_until_full(store)
    assert sequence > 0
    with pytest.raises(StoreUnavailable, match="too little to write back its log"):
        store._upkeep.write_back()
    assert len(notes(store)) == sequence * 500
    ballast.unlink()
    assert store.append([words(sequence + 1)]) == [True]
    store.close()
    again = opened(disk / "store")
    assert len(notes(again)) == (sequence + 1) * 500
    again.close()


def test_it_opens_the_file_again_after_the_engine_gave_up_on_it(disk: Path) -> None:
    ballast = disk / "ballast"
    store = opened(disk / "store")
    ballast.write_bytes(bytes(16 << 20))
    sequence = append_until_full(store)
    with pytest.raises(StoreUnavailable):
        store._database.checkpoint()
    ballast.unlink()
    assert len(notes(store)) == sequence * 500
    assert store.append([words(sequence), words(sequence + 1)]) == [False, True]
    store._database.checkpoint()
    assert len(notes(store)) == (sequence + 1) * 500
    store.close()


def test_a_full_disk_at_the_start_is_one_readable_message_and_what_is_stored_can_still_be_read(disk: Path) -> None:
    store = opened(disk / "store")
    store.append([words(1)])
    store.close()
    fill(disk)
    again = opened(disk / "store")
    assert len(notes(again)) == 500
    with pytest.raises(StoreFull, match="No space left"):
        again.append([words(2)])
    assert len(notes(again)) == 500
    again.close()
    with pytest.raises(ConfigError, match=r"(cannot open|cannot write) .*No space left") as refused:
        opened(disk / "other")
    assert "\n" not in str(refused.value)
