import asyncio
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tapewatch.desk.clock import SystemClock
from tapewatch.desk.dialects import dialect
from tapewatch.desk.edits import Edit, edited
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import Recording, read_recording
from tapewatch.desk.stream import Stream
from tapewatch.desk.text_book import TextBook
from tests.desk import made_up
from tests.desk.made_up import written
from tests.desk.subscriber import Subscriber

LINES = {"binance_usdm": made_up.binance, "coinbase": made_up.coinbase, "kraken": made_up.kraken}
REAL = {
    "binance_usdm": "BINANCE_FUTURES.ws.1.0.gz",
    "coinbase": "COINBASE.ws.28.0.gz",
    "kraken": "KRAKEN.ws.50.0.gz",
    "bitstamp": "BITSTAMP.ws.1.0.gz",
}


def recording(venue: str, tmp_path: Path, **shape: int) -> Recording:
    return read_recording(written(LINES[venue](**shape), tmp_path / f"{venue}.gz"), dialect(venue))


def requests(recording: Recording, channels: set[str] | None = None) -> list[dict[str, Any]]:
    """What a subscriber of all recorded streams says (at Binance the address says it)."""
    streams = sorted(stream for stream in recording.offer.streams if channels is None or stream.channel in channels)
    match recording.dialect.venue:
        case "coinbase":
            names = {stream.channel for stream in streams}
            named = [{"name": name, "product_ids": [s.symbol for s in streams if s.channel == name]} for name in sorted(names)]
            return [{"type": "subscribe", "channels": named}]
        case "kraken":
            depth = int(streams[0].channel.removeprefix("book-"))
            return [{"event": "subscribe", "pair": [s.symbol for s in streams], "subscription": {"name": "book", "depth": depth}}]
        case "bitstamp":
            return [{"event": "bts:subscribe", "data": {"channel": f"{stream.channel}_{stream.symbol}"}} for stream in streams]
        case _:
            return []


def address(url: str, recording: Recording) -> str:
    if recording.dialect.venue != "binance_usdm":
        return url
    return f"{url}?streams=" + "/".join(f"{stream.symbol.lower()}@{stream.channel}" for stream in sorted(recording.offer.streams))


def times_of(venue: str, message: Any) -> list[int]:
    """Every time in a message, in µs, in the order of the text."""
    text = json.dumps(message["data"] if venue == "binance_usdm" else message, separators=(",", ":"))
    form = dialect(venue).times
    return [form.parse(found.group(1)) for found in form.pattern.finditer(text)]


class NotedClock(SystemClock):
    """The host's clocks; notes every wall time that it gave."""

    def __init__(self) -> None:
        self.given_us: list[int] = []

    def now_us(self) -> int:
        self.given_us.append(super().now_us())
        return self.given_us[-1]


async def lateness_ms(recording: Recording, pace: Pace, within_s: float) -> list[float]:
    """Of every time in every message: receive time minus venue time now, minus the same when it was recorded.

    Checked on the way, whatever the load of the machine: sending time minus venue time is as recorded, to the millisecond.
    """
    clock = NotedClock()
    venue = recording.dialect.venue
    expected = [entry for entry in recording.of_all(recording.offer.streams) if entry.stream is not None]
    async with (
        Player(recording, pace, clock=clock) as player,
        Subscriber(address(player.url, recording), *requests(recording)) as subscriber,
    ):
        await subscriber.until(len(expected), within_s)
        await player_has_ended(player, subscriber)
    heard = [(received_us, message) for received_us, message in subscriber.heard if is_data(venue, message)]
    assert len(heard) == len(expected)
    late: list[float] = []
    everything = recording.of_all(recording.offer.streams)
    sent_us = [us for us, entry in zip(clock.given_us, everything, strict=True) if entry.stream is not None]
    for (received_us, message), entry, now_us in zip(heard, expected, sent_us, strict=True):
        times_us = times_of(venue, message)
        exact_us = [time_us + now_us - entry.received_us for time_us in entry.template.times_us]
        assert times_us == pytest.approx(exact_us, rel=0, abs=500 if venue == "binance_usdm" else 0)
        late += [
            (received_us - time_us - entry.received_us + then_us) / 1000
            for time_us, then_us in zip(times_us, entry.template.times_us, strict=True)
        ]
    return late


def is_data(venue: str, message: Any) -> bool:
    if venue == "kraken":
        return isinstance(message, list)
    if venue == "bitstamp":
        return message["event"] in {"data", "trade"}
    return "stream" in message if venue == "binance_usdm" else message["type"] != "subscriptions"


@pytest.mark.parametrize("venue", LINES)
@pytest.mark.parametrize("speed", [1, 20])
async def test_receive_minus_venue_time_is_as_recorded_at_any_speed(venue: str, speed: float, tmp_path: Path) -> None:
    late_ms = await lateness_ms(recording(venue, tmp_path), Pace(speed=speed), 5)
    assert min(late_ms) >= -1  # Binance writes whole milliseconds
    assert statistics.quantiles(late_ms, n=4)[0] < 5


@pytest.mark.parametrize("speed", [1, 4])
async def test_plays_at_the_recorded_pace_or_faster(speed: float, tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path, count=10)
    async with Player(lines, Pace(speed=speed)) as player, Subscriber(address(player.url, lines)) as subscriber:
        await subscriber.until(40)
    elapsed_s = (subscriber.heard[-1][0] - subscriber.heard[0][0]) / 1e6
    assert elapsed_s == pytest.approx(0.381 / speed, abs=0.1)


async def test_only_subscribed_streams_are_heard(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path)
    async with Player(lines, Pace(speed=50)) as player, Subscriber(f"{player.url}?streams=bbbusdt@aggTrade") as subscriber:
        await subscriber.until(10)
        await player.ended()
    assert {message["stream"] for message in subscriber.messages} == {"bbbusdt@aggTrade"}
    assert len(subscriber.messages) == 10


async def test_each_connection_hears_its_own_streams_from_the_beginning(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path)
    async with Player(lines, Pace(speed=2)) as player, Subscriber(f"{player.url}?streams=aaausdt@aggTrade") as first:
        await first.until(3)
        async with Subscriber(f"{player.url}?streams=aaausdt@aggTrade/bbbusdt@depth@100ms") as second:
            await second.until(20)
            await first.until(10)
    assert [message["data"]["a"] for message in first.messages] == list(range(500, 510))
    assert [message["data"]["a"] for message in second.messages if "aggTrade" in message["stream"]] == list(range(500, 510))


async def test_binance_streams_can_be_subscribed_by_message_and_raw(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path)
    async with Player(lines, Pace(speed=10)) as player:
        request = {"method": "SUBSCRIBE", "params": ["aaausdt@aggTrade"], "id": 7}
        async with Subscriber(player.url.replace("/stream", "/ws"), request) as subscriber:
            messages = await subscriber.until(11)
            assert messages[0] == {"result": None, "id": 7}
            assert [message["a"] for message in messages[1:]] == list(range(500, 510))
            await subscriber.say({"method": "LIST_SUBSCRIPTIONS", "id": 8})
            assert (await subscriber.until(12))[-1] == {"result": ["aaausdt@aggTrade"], "id": 8}


async def test_an_unsubscribed_stream_falls_silent(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path, count=40)
    async with Player(lines) as player, Subscriber(address(player.url, lines)) as subscriber:
        await subscriber.until(20)
        await subscriber.say({"method": "UNSUBSCRIBE", "params": ["aaausdt@depth@100ms", "aaausdt@aggTrade"], "id": 1})
        await player.ended()
    end = next(place for place, message in enumerate(subscriber.messages) if "result" in message)
    assert {message["stream"][:3] for message in subscriber.messages[end + 1 :]} == {"bbb"}


async def test_several_quick_subscriptions_start_together(tmp_path: Path) -> None:
    lines = recording("coinbase", tmp_path)
    async with Player(lines, Pace(speed=100)) as player, Subscriber(player.url) as subscriber:
        for channel in ("level2", "ticker", "matches"):
            await subscriber.say({"type": "subscribe", "product_ids": ["AAA-USD"], "channels": [channel]})
        await subscriber.until(3 + 1 + 20)
    kinds = [message["type"] for message in subscriber.messages]
    assert kinds[:4] == ["subscriptions", "subscriptions", "subscriptions", "snapshot"]
    assert [channel["name"] for channel in subscriber.messages[2]["channels"]] == ["level2", "ticker", "matches"]
    assert kinds.count("match") == 10


async def test_coinbase_refuses_what_it_does_not_have(tmp_path: Path) -> None:
    async with Player(recording("coinbase", tmp_path)) as player, Subscriber(player.url) as subscriber:
        await subscriber.say({"type": "subscribe", "product_ids": ["AAA-USD"], "channels": ["gossip"]})
        await subscriber.say({"type": "subscribe", "product_ids": ["ZZZ-USD"], "channels": ["level2"]})
        messages = await subscriber.until(2)
    assert [message["reason"] for message in messages] == ["gossip is not a valid channel", "ZZZ-USD is not a valid product"]


async def test_kraken_answers_each_pair_with_its_recorded_channel_number(tmp_path: Path) -> None:
    async with Player(recording("kraken", tmp_path), Pace(speed=50)) as player, Subscriber(player.url) as subscriber:
        book = {"name": "book", "depth": 100}
        await subscriber.say({"event": "subscribe", "pair": ["XBT/USD", "ZZZ/USD"], "subscription": book, "reqid": 5})
        await subscriber.say({"event": "ping", "reqid": 6})
        messages = await subscriber.until(1 + 2 + 1 + 22)
    assert messages[0]["event"] == "systemStatus"
    assert messages[1] == {
        "channelID": 42, "channelName": "book-100", "event": "subscriptionStatus", "pair": "XBT/USD", "status": "subscribed",
        "subscription": {"depth": 100, "name": "book"}, "reqid": 5,
    }  # fmt: skip
    assert (messages[2]["status"], messages[2]["errorMessage"]) == ("error", "Currency pair not supported ZZZ/USD")
    assert messages[3] == {"event": "pong", "reqid": 6}
    assert messages[4] == {"event": "heartbeat"}
    assert list(messages[5][1]) == ["as", "bs"]


async def test_kraken_book_at_a_smaller_depth_keeps_its_checksum(tmp_path: Path) -> None:
    lines = recording("kraken", tmp_path)
    async with Player(lines, Pace(speed=50)) as player, Subscriber(player.url) as subscriber:
        await subscriber.say({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}})
        await player_has_ended(player, subscriber)
    data = [message for message in subscriber.messages if isinstance(message, list)]
    assert {message[-2] for message in data} == {"book-10"}
    assert len(data[0][1]["as"]) == len(data[0][1]["bs"]) == 10
    assert any(len(level) == 4 for message in data[1:] for level in message[1]["a"])
    book = TextBook()
    book.apply("a", data[0][1]["as"])
    book.apply("b", data[0][1]["bs"])
    for message in data[1:]:
        book.apply("a", message[1]["a"])
        cut = TextBook()
        cut.apply("a", book.best("a", 10))
        cut.apply("b", book.best("b", 10))
        book = cut  # a subscriber keeps no more than its depth
        assert book.checksum() == int(message[1]["c"])
    assert 10 < len(data) < 21


async def player_has_ended(player: Player, subscriber: Subscriber) -> None:
    await subscriber.until(3)
    async with asyncio.timeout(20):
        await player.ended()
    await asyncio.sleep(0.05)


async def test_a_book_that_is_asked_for_again_is_told_as_it_is_now(tmp_path: Path) -> None:
    lines = recording("kraken", tmp_path, count=60)
    book = {"pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 100}}
    async with Player(lines) as player, Subscriber(player.url, {"event": "subscribe", **book}) as subscriber:
        await subscriber.until(14)
        await subscriber.say({"event": "unsubscribe", **book})
        await subscriber.say({"event": "subscribe", **book})
        await player_has_ended(player, subscriber)
    data = [message for message in subscriber.messages if isinstance(message, list)]
    second = next(place for place, message in enumerate(data) if place and "as" in message[1])
    assert 5 < second < 30
    assert data[second][1]["as"] != data[0][1]["as"]
    assert len(data) == 62  # snapshot, 60 updates, and the snapshot told again


async def test_coinbase_book_that_is_asked_for_again_is_told_as_it_is_now(tmp_path: Path) -> None:
    lines = recording("coinbase", tmp_path, count=40)
    level2 = {"product_ids": ["AAA-USD"], "channels": ["level2_batch"]}
    async with Player(lines) as player, Subscriber(player.url, {"type": "subscribe", **level2}) as subscriber:
        await subscriber.until(14)
        await subscriber.say({"type": "unsubscribe", **level2})
        await subscriber.say({"type": "subscribe", **level2})
        await player_has_ended(player, subscriber)
    snapshots = [message for message in subscriber.messages if message["type"] == "snapshot"]
    assert len(snapshots) == 2
    assert snapshots[1]["bids"] == [["9.0", "1"]]
    assert float(snapshots[1]["asks"][0][1]) >= 10


async def test_at_the_end_the_connection_stays_open_and_silent(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path, count=2)
    async with Player(lines, Pace(speed=50)) as player, Subscriber(address(player.url, lines)) as subscriber:
        await player_has_ended(player, subscriber)
        assert len(subscriber.heard) == 8
        assert not subscriber.closed.is_set()


async def test_looping_closes_the_connection_so_that_the_next_one_hears_it_again(tmp_path: Path) -> None:
    lines = recording("binance_usdm", tmp_path, count=2)
    async with Player(lines, Pace(speed=50, is_looping=True)) as player:
        for _ in range(2):
            async with Subscriber(address(player.url, lines)) as subscriber:
                async with asyncio.timeout(5):
                    await subscriber.closed.wait()
                assert len(subscriber.heard) == 8
                assert subscriber.connection.close_code == 1001


async def test_pings_are_answered(tmp_path: Path) -> None:
    async with Player(recording("coinbase", tmp_path)) as player, connect(player.url) as connection:
        async with asyncio.timeout(2):
            assert await (await connection.ping()) < 1


async def test_edits_are_played(tmp_path: Path) -> None:
    lines = edited(recording("binance_usdm", tmp_path), [Edit("swap", "AAAUSDT", "depth", 4)])
    async with Player(lines, Pace(speed=50)) as player, Subscriber(f"{player.url}?streams=aaausdt@depth@100ms") as subscriber:
        await subscriber.until(10)
    assert [message["data"]["u"] for message in subscriber.messages] == [10, 20, 30, 50, 40, 60, 70, 80, 90, 100]


def test_a_speed_that_goes_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be played at 0 times"):
        Pace(speed=0)


@pytest.mark.recordings
@pytest.mark.parametrize("venue", REAL)
async def test_real_traffic_keeps_its_latencies(venue: str, recordings: Path) -> None:
    real = read_recording(recordings / "feeds" / REAL[venue], dialect(venue))
    late_ms = await lateness_ms(real, Pace(speed=15), 20)
    assert min(late_ms) >= -1


@pytest.mark.recordings
async def test_real_kraken_traffic_at_depth_ten_keeps_its_checksums(recordings: Path) -> None:
    real = read_recording(recordings / "feeds" / REAL["kraken"], dialect("kraken"))
    for pair in sorted(real.offer.symbols):
        sides: dict[str, list[Any]] = {"a": [], "b": []}
        for entry in real.of(Stream(pair, "book-10")):
            parts = json.loads(entry.template.render())[1:-2]
            book = TextBook()
            for name in ("a", "b"):
                held = TextBook()
                held.apply(name, sides[name])
                held.apply(name, [level for part in parts for level in (*part.get(f"{name}s", []), *part.get(name, []))])
                sides[name] = held.best(name, 10)
                book.apply(name, sides[name])
            if "c" in parts[-1]:
                assert book.checksum() == int(parts[-1]["c"]), pair


@pytest.mark.recordings
async def test_bitstamp_refuses_what_it_does_not_have_and_lets_go_what_is_not_wanted(recordings: Path) -> None:
    found = read_recording(recordings / "feeds" / REAL["bitstamp"], dialect("bitstamp"))
    session = found.dialect.session("/", found.offer)
    assert (
        json.loads(session.answer('{"event":"bts:subscribe","data":{"channel":"live_trades_nothing"}}').replies[0])["event"] == "bts:error"
    )
    assert json.loads(session.answer("not json").replies[0])["event"] == "bts:error"
    wanted = '{"event":"bts:%s","data":{"channel":"live_trades_ethusd"}}'
    assert session.answer(wanted % "subscribe").added == (Stream("ethusd", "live_trades"),)
    assert session.answer(wanted % "subscribe").added == ()
    assert session.answer(wanted % "unsubscribe").removed == (Stream("ethusd", "live_trades"),)
    assert session.streams == frozenset()
