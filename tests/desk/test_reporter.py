import asyncio

import pytest

from tapewatch.desk.desk import Desk
from tapewatch.desk.faults import Script
from tapewatch.desk.reporter import desk_client
from tapewatch.desk.simulation import Arrival
from tapewatch.model.catalog import Catalog
from tests.desk.receiver import receiving


async def test_the_desk_writes_as_a_real_daemon_would_and_says_that_it_is_simulated() -> None:
    with receiving() as receiver:
        client = desk_client(receiver.url)
        async with Desk(client, script=Script()) as desk:
            desk.daemon.schedule = type(desk.daemon.schedule)(interval_s=1.0)
            async with asyncio.timeout(15):
                while not receiver.rows("pipeline") or len(receiver.rows("exchange")) < 9:
                    await asyncio.sleep(0.05)
        await asyncio.to_thread(client.close, 2.0)
    for table in ("daemon", "exchange", "pipeline"):
        rows = receiver.rows(table)
        assert {(row["env"], row["host"], row["source"]) for row in rows} == {("paper", "desk", "paper-desk")}
        known = set(Catalog()[table].column) | {"period_s"}
        assert {name for row in rows for name in row} <= known
    assert {row["venue"] for row in receiver.rows("exchange")} == {"binance_usdm", "coinbase", "kraken"}
    assert {row["period_s"] for row in receiver.rows("exchange")} == {1.0}
    assert {row["data_type"] for row in receiver.rows("pipeline")} == {"trade", "liquidation", "open_interest", "funding"}
    assert receiver.rows("daemon")[0]["daemon"] == "paper-daemon"


async def test_a_part_that_fails_is_not_kept_to_itself() -> None:
    async with Desk(script=Script()) as desk:

        def broken(now_s: float, now_us: int) -> list[Arrival]:
            raise RuntimeError("the market is broken")

        desk.exchanges[0].simulation.advance = broken  # pyright: ignore[reportAttributeAccessIssue] - the failure to look for
        with pytest.raises(RuntimeError, match="the market is broken"):
            await asyncio.wait_for(desk.failure(), 5)
        desk.exchanges[0]._task = None
