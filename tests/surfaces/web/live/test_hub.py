"""The live connection over a real WebSocket: what tabs are sent, what they share, and what a bad one can do to others."""

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.store.backends import open_store
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.surfaces.web.live import HubLimits
from tapewatch.surfaces.web.live.messages import MOST_MESSAGE_BYTES
from tests.surfaces.web.live.viewer import Viewer
from tests.surfaces.web.stack import S, Stack, Tab, running

COUNTING = {"table": "exchange", "measures": [{"function": "count"}], "group_by": ["venue"], "bucket_s": 5}
ROWS = {"table": "exchange", "mode": "rows", "columns": ["ts", "venue", "latency_ms"]}


def column(frame: dict[str, Any], name: str) -> list[Any]:
    return next(found["values"] for found in frame["columns"] if found["name"] == name)


async def see(tab: Tab, viewer: Viewer, topic: str) -> dict[str, Any]:
    """The next frame of a topic, merged into what the viewer sees."""
    viewer.receive(await tab.until("frame", topic=topic))
    assert viewer.frame is not None
    return viewer.frame


async def eventually(claim: Any, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not claim():
            await asyncio.sleep(0.01)


async def test_a_tab_is_greeted_gets_a_snapshot_and_then_what_changes(web: Stack) -> None:
    async with web.tab() as tab:
        topic = await tab.subscribe("a", query=COUNTING)
        viewer = Viewer()
        assert (await see(tab, viewer, topic))["rows"] == 0
        await web.take("exchange", {"venue": "kraken", "connected": True})
        frame = await see(tab, viewer, topic)
        assert (column(frame, "venue"), column(frame, "count")) == (["kraken"], [1.0])
        await web.take("exchange", {"venue": "kraken", "connected": False}, {"venue": "okx"})
        frame = await see(tab, viewer, topic)
        assert sum(column(frame, "count")) == 3
        stats = web.hub.stats()
        assert stats["sent"] == 3
        assert 0 < stats["push_p99_ms"] < 2_000


async def test_the_greeting_tells_version_time_and_whether_it_is_simulated(web: Stack) -> None:
    async with web.tab() as tab:
        first = await tab.until("tick")
        assert abs(first["server_time_us"] - web.clock.now_us()) < 2 * S
        assert first["simulated"] is False
        assert first["store"]["state"] == "ok"
        assert set(first["dashboards"]) == {board.id for board in web.parts.dashboards if not board.subject}
        second = await tab.until("tick")
        assert second["server_time_us"] - first["server_time_us"] == pytest.approx(S, abs=0.5 * S)


async def test_every_panel_of_every_dashboard_can_be_shown_at_once(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "connected": True, "latency_ms": 20}, period_s=5)
    async with web.tab() as tab:
        wanted = [(board.id, panel.id) for board in web.parts.dashboards for panel in board.panels][:60]
        for number, (board, panel) in enumerate(wanted):
            message = {"op": "subscribe", "id": str(number), "dashboard": board, "panel": panel, "range": {"last_s": 3600}, "vars": {}}
            await tab.send(message)
        topics: dict[str, str] = {}
        shown: set[str] = set()
        while len(topics) < len(wanted) or shown < set(topics.values()):
            message = await tab.receive(10)
            assert message["op"] != "error", message
            if message["op"] == "subscribed":
                topics[message["id"]] = message["topic"]
            if message["op"] == "frame":
                shown.add(message["topic"])


async def test_tabs_that_show_the_same_share_one_computation_and_one_text(web: Stack) -> None:
    async with web.tab() as one, web.tab() as two:
        topic = await one.subscribe("a", query=COUNTING)
        await one.until("frame")
        assert await two.subscribe("b", query=dict(reversed(COUNTING.items()))) == topic
        await two.until("frame")
        computed = web.hub.stats()["computed"]
        await web.take("exchange", {"venue": "kraken"})
        texts = [await tab.until("frame", topic=topic) for tab in (one, two)]
        assert texts[0] == texts[1]
        assert web.hub.stats()["computed"] == computed + 1
        assert web.hub.stats()["topics"] == 1
        assert await two.subscribe("c", query=COUNTING, last_s=61) != topic


async def test_variables_in_any_order_are_the_same_topic_and_filter(web: Stack) -> None:
    await web.take("exchange", *({"venue": venue, "connected": True} for venue in ("kraken", "okx", "bybit")))
    async with web.tab() as tab:
        panel = next(panel for board in web.parts.dashboards for panel in board.panels if panel.id == "venues").id
        first = await tab.subscribe("a", panel, "overview", vars={"venue": ["okx", "kraken"], "env": []})
        frame = (await tab.until("frame", topic=first))["frame"]
        assert sorted(column(frame, "venue")) == ["kraken", "okx"]
        assert {series["key"]["venue"] for series in frame["series"]} == {"kraken", "okx"}
        assert await tab.subscribe("b", panel, "overview", vars={"env": [], "venue": ["kraken", "okx", "okx"]}) == first


async def test_what_is_no_longer_shown_is_not_sent_and_forgotten(web: Stack) -> None:
    async with web.tab() as tab:
        await tab.subscribe("a", query=COUNTING)
        await tab.until("frame")
        await tab.send({"op": "unsubscribe", "id": "a"})
        await eventually(lambda: web.hub.stats()["topics"] == 0)
        await web.take("exchange", {"venue": "kraken"})
        await tab.silence("frame", 0.3)
        await tab.subscribe("b", query=COUNTING)
        frame = await tab.until("frame")
        assert frame["frame"]["rows"] == 1
    await eventually(lambda: web.hub.stats()["clients"] == 0)
    assert web.hub.stats()["topics"] == 0


async def test_a_second_subscription_under_the_same_id_takes_the_place_of_the_first(web: Stack) -> None:
    async with web.tab() as tab:
        first = await tab.subscribe("a", query=COUNTING)
        await tab.until("frame", topic=first)
        second = await tab.subscribe("a", query=COUNTING, last_s=120)
        await tab.until("frame", topic=second)
        assert web.hub.stats()["topics"] == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("not json", "JSON"),
        ('{"op": "dance", "id": "a"}', "dance"),
        ("[]", "object"),
        ('{"op": "subscribe"}', "id"),
        ('{"op": "subscribe", "id": "a", "dashboard": "nonsense", "panel": "x", "range": {"last_s": 60}}', "nonsense"),
        ('{"op": "subscribe", "id": "a", "dashboard": "exchange", "panel": "nonsense", "range": {"last_s": 60}}', "nonsense"),
        ('{"op": "subscribe", "id": "a", "dashboard": "exchange", "panel": "x"}', "last_s"),
        ('{"op": "subscribe", "id": "a", "query": {"table": "exchange"}, "range": {"last_s": -5}}', "-5"),
        ('{"op": "subscribe", "id": "a", "query": {"table": "exchange"}, "range": {"start_us": 5, "end_us": 5}}', "after start"),
        ('{"op": "subscribe", "id": "a", "query": {"colour": 1}, "range": {"last_s": 60}}', "colour"),
        ('{"op": "subscribe", "id": "a", "query": {"table": "nonsense", "mode": "rows"}, "range": {"last_s": 60}}', "nonsense"),
        (json.dumps({"op": "subscribe", "id": "a", "query": {**COUNTING, "group_by": ["colour"]}, "range": {"last_s": 60}}), "colour"),
        (json.dumps({"op": "subscribe", "id": "a", "query": {**COUNTING, "bucket_s": 0.001}, "range": {"last_s": 600}}), "buckets"),
    ],
)
async def test_what_cannot_be_shown_is_answered_with_a_reason_and_harms_nothing(message: str, words: str) -> None:
    async with running() as web, web.tab() as tab:
        await tab.socket.send(message)
        error = await tab.until("error")
        assert words in error["message"]
        assert error["code"] in {"bad_query", "query_too_large"}
        if '"id": "a"' in message and "dance" not in message:
            assert error["id"] == "a"
        topic = await tab.subscribe("b", query=COUNTING)
        await tab.until("frame", topic=topic)


async def test_a_connection_has_a_bound_on_subscriptions_and_the_server_on_topics_and_clients() -> None:
    async with running(limits=HubLimits(subscriptions=2, topics=3, clients=2)) as web, web.tab() as one, web.tab() as two:
        for number in range(2):
            await one.subscribe(str(number), query=COUNTING, last_s=60 + number)
        await one.send({"op": "subscribe", "id": "c", "query": COUNTING, "range": {"last_s": 60}})
        assert "2 subscriptions" in (await one.until("error", id="c"))["message"]
        await two.subscribe("a", query=COUNTING, last_s=99)
        await two.send({"op": "subscribe", "id": "b", "query": COUNTING, "range": {"last_s": 100}})
        assert "3 different panels" in (await two.until("error", id="b"))["message"]
        with pytest.raises(InvalidStatus) as refused:
            async with web.tab():
                pass
        assert refused.value.response.status_code == 503
        assert json.loads(refused.value.response.body or b"")["error"]["code"] == "query_too_large"


async def test_a_message_beyond_the_limit_ends_its_connection_alone(web: Stack) -> None:
    async with web.tab() as other, web.tab() as tab:
        await tab.socket.send("x" * (MOST_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await tab.until("error")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        await other.until("tick")


async def test_a_fixed_range_in_the_past_is_computed_once(web: Stack) -> None:
    now_us = web.clock.now_us()
    await web.take("exchange", {"venue": "kraken", "ts": now_us - 60 * S})
    async with web.tab() as tab:
        topic = await tab.subscribe("a", query=COUNTING, range={"start_us": now_us - 120 * S, "end_us": now_us - 30 * S})
        assert (await tab.until("frame", topic=topic))["frame"]["rows"] == 1
        computed = web.hub.stats()["computed"]
        await web.take("exchange", {"venue": "kraken"})
        await asyncio.sleep(0.3)
        assert web.hub.stats()["computed"] == computed
        await web.take("exchange", {"venue": "okx", "ts": now_us - 61 * S})
        assert (await tab.until("frame", topic=topic))["frame"]["rows"] >= 1


async def test_the_verdicts_are_live(web: Stack) -> None:
    async with web.tab() as tab:
        topic = await tab.subscribe("a", "worst", "overview")
        assert (await tab.until("frame", topic=topic))["frame"]["rows"] == 0
        await web.take("exchange", {"venue": "kraken", "connected": False}, period_s=5)
        frame = (await tab.until("frame", topic=topic))["frame"]
        assert column(frame, "status") == ["degraded"]
        assert column(frame, "dashboard") == ["exchange"]
        tick = await tab.until("tick")
        assert tick["dashboards"]["exchange"] == {"status": "degraded", "wrong": 1}
        filtered = await tab.subscribe("b", "worst", "overview", vars={"venue": ["okx"]})
        assert (await tab.until("frame", topic=filtered))["frame"]["rows"] == 0


async def test_a_store_that_goes_away_is_seen_on_every_panel_and_in_the_tick() -> None:
    store = MemoryStore()
    async with running(store) as web, web.tab() as tab:
        await web.take("exchange", {"venue": "kraken", "connected": True})
        topic = await tab.subscribe("a", query=COUNTING)
        assert (await tab.until("frame", topic=topic))["frame"]["state"] == "live"

        def away(*_: object, **__: object) -> Any:
            raise StoreUnavailable("the disk is gone")

        scan, append = store.scan, store.append
        store.scan, store.append = away, away
        frame = (await tab.until("frame", 12, topic=topic))["frame"]
        assert (frame["state"], frame["error"]) == ("last_good", "the disk is gone")
        with contextlib.suppress(StoreUnavailable):
            await web.take("exchange", {"venue": "kraken"})
        tick = await tab.until("tick")
        while tick["store"]["state"] == "ok":
            tick = await tab.until("tick")
        assert tick["store"]["message"] == "the disk is gone"
        store.scan, store.append = scan, append
        await web.take("exchange", {"venue": "kraken"})
        assert (await tab.until("frame", topic=topic))["frame"]["state"] == "live"


async def test_a_panel_whose_first_answer_fails_says_so_and_appears_when_the_store_is_back() -> None:
    store = MemoryStore()
    async with running(store) as web, web.tab() as tab:

        def away(*_: object, **__: object) -> Any:
            raise StoreUnavailable("opening")

        scan, store.scan = store.scan, away
        topic = await tab.subscribe("a", query=COUNTING)
        error = await tab.until("error")
        assert (error["id"], error["code"]) == ("a", "store_unavailable")
        store.scan = scan
        assert (await tab.until("frame", 5, topic=topic))["kind"] == "snapshot"


async def test_a_bug_in_one_panel_is_told_and_leaves_the_others_alone() -> None:
    store = MemoryStore()
    async with running(store) as web, web.tab() as tab:
        scan = store.scan

        def breaks(query: Any, **options: Any) -> Any:
            if query.mode == "rows":
                raise ZeroDivisionError("a secret detail")
            return scan(query, **options)

        store.scan = breaks
        await tab.subscribe("bad", query=ROWS)
        error = await tab.until("error")
        assert (error["id"], error["code"]) == ("bad", "internal")
        assert "secret" not in error["message"]
        topic = await tab.subscribe("good", query=COUNTING)
        await tab.until("frame", topic=topic)


async def slow_tab(web: Stack) -> tuple[contextlib.AsyncExitStack, Tab]:
    """A connection with small buffers on its side of the line."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", int(web.url.rpartition(":")[2])))
    exits = contextlib.AsyncExitStack()
    tab = await exits.enter_async_context(web.tab(sock=raw, max_queue=(1, 0), ping_interval=None, close_timeout=0.1))
    exits.callback(tab.socket.transport.abort)
    return exits, tab


async def fill(web: Stack, rows: int) -> None:
    now_us = web.clock.now_us()
    await web.take("exchange", *({"venue": "kraken", "ts": now_us - n * 1_000, "latency_ms": n} for n in range(rows)))


async def test_a_slow_tab_is_told_what_it_missed_and_gets_the_present_while_others_are_served(tmp_path: Path) -> None:
    async with running(open_store("duckdb", tmp_path, SystemClock()), send_buffer_bytes=16_384) as web:
        await fill(web, 4_000)
        exits, slow = await slow_tab(web)
        async with exits, web.tab() as fast:
            large = await slow.subscribe("a", query={**ROWS, "limit": 4_000})
            counting = await slow.subscribe("b", query=COUNTING)
            assert await fast.subscribe("a", query=COUNTING) == counting
            viewer, late = Viewer(), Viewer()
            taken, lagged, newest = 0, 0, -1.0
            async with asyncio.timeout(30):
                while web.hub.stats()["dropped"] == 0 or taken < 10:
                    await web.take("exchange", {"venue": "okx", "latency_ms": taken})
                    taken += 1
                    await asyncio.sleep(0.05)
            while not viewer.frame or counted(viewer) < taken:
                await see(fast, viewer, counting)
            while not late.frame or counted(late) < taken or newest < taken - 1:
                message = await slow.receive(10)
                lagged += message["dropped"] if message["op"] == "lag" else 0
                if message.get("topic") == counting and message["op"] == "frame":
                    late.receive(message)
                if message.get("topic") == large and message["op"] == "frame":
                    shown = zip(column(message["frame"], "venue"), column(message["frame"], "latency_ms"), strict=True)
                    newest = max((value for venue, value in shown if venue == "okx"), default=-1.0)
            assert lagged > 0
        await eventually(lambda: web.hub.stats()["clients"] == 0)
        assert web.hub.stats()["dropped"] >= lagged


def counted(viewer: Viewer) -> float:
    """Rows of venue okx that a viewer sees counted."""
    frame = viewer.frame or {}
    return sum(count for venue, count in zip(column(frame, "venue"), column(frame, "count"), strict=True) if venue == "okx")


async def test_a_tab_that_never_reads_is_cut_off_and_keeps_no_memory(tmp_path: Path) -> None:
    async with running(open_store("duckdb", tmp_path, SystemClock()), limits=HubLimits(stuck_s=1.0), send_buffer_bytes=16_384) as web:
        await fill(web, 5_000)
        exits, slow = await slow_tab(web)
        async with exits:
            for n in range(12):
                await slow.send({"op": "subscribe", "id": str(n), "query": {**ROWS, "limit": 5_000 - n}, "range": {"last_s": 60}})
            await eventually(lambda: web.hub.stats()["cut_off"] == 1, 15)
            await eventually(lambda: web.hub.stats()["clients"] == 0)
            assert web.hub.stats()["topics"] == 0


async def test_a_tab_that_asks_without_reading_waits_instead_of_filling_memory(web: Stack) -> None:
    async with web.tab() as other:
        exits, slow = await slow_tab(web)
        async with exits:

            async def flood() -> None:
                with contextlib.suppress(ConnectionClosed):
                    for n in range(100_000):
                        await slow.send({"op": "unsubscribe", "id": "x" * 1_000 + str(n)})
                        await slow.socket.send("nonsense" * 100)

            flooding = asyncio.create_task(flood())
            await other.until("tick")
            await other.until("tick")
            waiting = max(client.outbox.answers_waiting for client in web.hub._clients)
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
            assert waiting <= 256


async def test_the_tick_goes_on_when_judging_fails_once(web: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async with web.tab() as tab:
        await tab.until("tick")
        judge = web.parts.board.judge
        calls: list[int] = []

        def breaks_once() -> None:
            calls.append(1)
            if len(calls) == 1:
                raise RuntimeError("dictionary changed size during iteration")
            judge()

        monkeypatch.setattr(web.parts.board, "judge", breaks_once)
        await tab.until("tick", 4)
        assert len(calls) == 2


async def test_a_server_that_stops_says_goodbye_and_does_not_wait_for_tabs() -> None:
    async with contextlib.AsyncExitStack() as tabs:
        server = contextlib.AsyncExitStack()
        web = await server.enter_async_context(running())
        tab = await tabs.enter_async_context(web.tab())
        async with asyncio.timeout(2.5):
            await server.aclose()
        with pytest.raises(ConnectionClosed) as closed:
            await tab.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
