"""`kill -9` while the store is away, comes back and is replayed to: what was acknowledged is in the real store, once."""

import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.model.query import Mode, Query
from tapewatch.store.backends.duckdb import DuckDBStore
from tests.sizes import ROOT

PROGRAM = """
    import asyncio, os, sys
    from pathlib import Path
    from tapewatch.clock import SystemClock
    from tapewatch.errors import StoreUnavailable
    from tapewatch.ingest.intake import Intake
    from tapewatch.ingest.spool import StoreSpool
    from tapewatch.ingest.writer import Limits
    from tapewatch.model.catalog import Catalog
    from tapewatch.model.rows import Delivery, Mark, RawBatch
    from tapewatch.model.table import Column, Identity, Kind, Table
    from tapewatch.model.venue import Names
    from tapewatch.store.backends.duckdb import DuckDBStore

    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    TABLE = Table("proof", "A row with a number.", (Column("number", Kind.GAUGE, "It."),), Identity.NONE)

    class Leaving(DuckDBStore):
        def append(self, deliveries):
            if (folder / "away").exists():
                raise StoreUnavailable("gone")
            return super().append(deliveries)

    async def main():
        clock, catalog = SystemClock(), Catalog().with_tables((TABLE,))
        store = Leaving(folder / "store", clock)
        store.create(TABLE)
        spool = StoreSpool(folder / "spool", 10_000_000, 2_000)
        intake = Intake(store, catalog, Names(), clock, limits=Limits(spool_after_s=0.05), spool=spool)
        intake.start()
        number = first
        while number != first + 3_000 and not (folder / "end").exists():
            mark = Mark(f"c{first}", number - first + 1) if number % 2 else None
            await intake.accept(Delivery((RawBatch.of("proof", [{"number": number}]),), "bot", mark=mark))
            os.write(1, f"{number} {int(spool.is_empty)}\\n".encode())
            number += 1
        while not spool.is_empty:
            await asyncio.sleep(0.01)
        await intake.stop()
        store.close()

    asyncio.run(main())
"""


def started(folder: Path, first: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(folder), str(first)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stored(folder: Path) -> Counter[int]:
    store = DuckDBStore(folder / "store", SystemClock())
    from tapewatch.model.table import Column, Identity, Kind, Table

    store.create(Table("proof", "A row with a number.", (Column("number", Kind.GAUGE, "It."),), Identity.NONE))
    found = store.scan(Query("proof", 0, 2**61, Mode.ROWS, columns=("number",)))
    store.close()
    return Counter(int(number) for number in found.columns["number"].tolist())  # pyright: ignore[reportAttributeAccessIssue] - a gauge


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9_in_every_phase_of_an_outage(tmp_path: Path) -> None:
    away = tmp_path / "away"
    acknowledged: set[int] = set()
    was_spooled = False
    phases = [(True, 0.3), (True, 0.7), (False, 0.05), (True, 0.4), (False, 0.25), (True, 0.5), (False, 0.6)]
    for attempt, (is_away, seconds) in enumerate(phases, 1):
        away.unlink(missing_ok=True)
        process = started(tmp_path, attempt * 10_000 + 1)
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        assert lines[0], process.communicate()
        if is_away:
            away.touch()
        time.sleep(seconds)
        if not is_away and attempt % 2:
            away.touch()
            time.sleep(0.3)
            away.unlink()
            time.sleep(seconds)
        process.kill()
        lines += process.stdout.read().splitlines()
        process.communicate()
        for line in lines:
            number, is_empty = line.split()
            acknowledged.add(int(number))
            was_spooled = was_spooled or is_empty == "0"
        left = list((tmp_path / "spool").rglob("*.seg"))
        assert not is_away or left, "the store was away: what came then is in the spool"
    away.unlink(missing_ok=True)
    (tmp_path / "end").touch()
    _, told = started(tmp_path, 900_001).communicate(timeout=60)
    assert "Traceback" not in told
    found = stored(tmp_path)
    assert was_spooled
    assert acknowledged <= set(found)
    assert set(found.values()) == {1}
    assert not list((tmp_path / "spool").rglob("*.seg"))
