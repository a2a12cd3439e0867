import itertools
import statistics
import zlib
from typing import Any

import pytest

from tapewatch.desk.dialects import dialect
from tapewatch.desk.faults import Delay, Duplicate, Freeze, Gap, Skew, Swap
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.template import Template
from tests.desk.simulated import CLASSES, START_US, Heard, of, run

# Venue, a symbol, another one, and its counted streams.
COUNTED = [("binance_usdm", "BTCUSDT", "depth"), ("binance_usdm", "BTCUSDT", "aggTrade"), ("coinbase", "BTC-USD", "matches")]


def links(heard: list[Heard]) -> list[tuple[int, int]]:
    """Predecessor and own number of each message, by the venue's own rule."""
    messages = [one.message for one in heard]
    if "pu" in messages[0]:
        return [(message["pu"], message["u"]) for message in messages]
    name = "a" if "a" in messages[0] else "trade_id"
    return [(message[name] - 1, message[name]) for message in messages]


def broken(heard: list[Heard]) -> int:
    """How often a message does not follow the one before it."""
    return sum(after[0] != before[1] for before, after in itertools.pairwise(links(heard)))


def digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def mismatches(heard: list[Heard]) -> tuple[int, int]:
    """Updates of a Kraken book whose checksum is wrong, and all; computed from nothing but the messages, at depth ten."""
    sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
    wrong = checked = 0
    for one in heard:
        parts: list[dict[str, Any]] = one.message[1:-2]
        for part, side in itertools.product(parts, "ab"):
            for price, volume, *_ in (*part.get(f"{side}s", []), *part.get(side, [])):
                sides[side][price] = volume
        asks = sorted((item for item in sides["a"].items() if float(item[1])), key=lambda item: float(item[0]))[:10]
        bids = sorted((item for item in sides["b"].items() if float(item[1])), key=lambda item: -float(item[0]))[:10]
        sides = {"a": dict(asks), "b": dict(bids)}
        if "c" in parts[-1]:
            checked += 1
            text = "".join(digits(price) + digits(volume) for price, volume in (*asks, *bids))
            wrong += zlib.crc32(text.encode()) != int(parts[-1]["c"])
    return wrong, checked


def lags_ms(venue: str, heard: list[Heard]) -> list[float]:
    """Arrival minus the latest venue time of each message."""
    form = dialect(venue).times
    times = [(one.at_s, Template(one.text, form).times_us) for one in heard]
    return [at_s * 1000 - (max(times_us) - START_US) / 1000 for at_s, times_us in times if times_us]


@pytest.mark.parametrize("venue", CLASSES)
def test_the_same_seed_gives_the_same_messages_and_another_seed_others(venue: str) -> None:
    first, again, other = (run(venue, seconds=5, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert [one.text for one in first] != [one.text for one in other]


@pytest.mark.parametrize(("venue", "symbol", "channel"), COUNTED)
def test_numbers_have_no_holes(venue: str, symbol: str, channel: str) -> None:
    heard = of(run(venue, seconds=120), symbol, channel)
    assert len(heard) > 100
    assert broken(heard) == 0


def test_binance_ranges_lie_after_their_predecessor() -> None:
    messages = [one.message for one in of(run("binance_usdm"), "ETHUSDT", "depth")]
    assert all(message["pu"] < message["U"] <= message["u"] for message in messages)
    assert {name for message in messages for name in message} == {"e", "E", "T", "s", "U", "u", "pu", "b", "a"}


@pytest.mark.parametrize("symbol", ["XBT/USD", "ETH/USD", "SOL/USD"])
def test_kraken_checksums_are_right(symbol: str) -> None:
    wrong, checked = mismatches(of(run("kraken", seconds=60), symbol, "book"))
    assert checked > 300
    assert wrong == 0


def test_coinbase_books_are_never_crossed_and_tickers_repeat_their_match() -> None:
    heard = run("coinbase", seconds=30)
    matches = {one.message["trade_id"]: one.message for one in of(heard, "BTC-USD", "matches")}
    for one in of(heard, "BTC-USD", "ticker"):
        ticker = one.message
        assert float(ticker["best_bid"]) < float(ticker["best_ask"])
        assert ticker["price"] == matches[ticker["trade_id"]]["price"]


def test_the_last_words_of_coinbase_are_told_to_a_new_subscriber() -> None:
    spec, messages = CLASSES["coinbase"]
    simulation = Simulation(spec, messages, start_us=START_US)
    heard = [arrival for step in range(1000) for arrival in simulation.advance(step * 0.01)]
    for stream in sorted(simulation.offer.streams):
        simulation.welcome(stream, "me", 10.0)
    told = [Heard(20.0, arrival.stream, arrival.text) for arrival in simulation.advance(14.0) if arrival.only == "me"]
    kinds = [one.message["type"] for one in of(told, "BTC-USD", "level2") + of(told, "BTC-USD", "matches") + of(told, "BTC-USD", "ticker")]
    assert kinds == ["snapshot", "last_match", "ticker"]
    said = [Heard(0.0, arrival.stream, arrival.text) for arrival in heard]
    last = of(said, "BTC-USD", "matches")[-1].message
    assert of(told, "BTC-USD", "matches")[0].message["trade_id"] >= last["trade_id"]


@pytest.mark.parametrize("venue", CLASSES)
def test_latency_is_that_of_the_venue(venue: str) -> None:
    lags = lags_ms(venue, run(venue, seconds=60))
    assert min(lags) > 0
    assert statistics.median(lags) == pytest.approx(CLASSES[venue][0].latency_ms + 15, rel=0.6)
    assert max(lags) < 500


@pytest.mark.parametrize(("venue", "symbol", "channel"), COUNTED)
def test_a_gap_breaks_one_link_of_one_stream(venue: str, symbol: str, channel: str) -> None:
    whole, heard = run(venue), run(venue, Gap(10, venue, symbol, channel, count=3))
    assert broken(of(heard, symbol, channel)) == 1
    assert len(of(heard, symbol, channel)) == len(of(whole, symbol, channel)) - 3
    assert others(heard, symbol, channel) == others(whole, symbol, channel)


@pytest.mark.parametrize(("venue", "symbol", "channel"), COUNTED)
def test_a_duplicate_repeats_one_message(venue: str, symbol: str, channel: str) -> None:
    heard = of(run(venue, Duplicate(10, venue, symbol, channel)), symbol, channel)
    repeated = [place for place, (before, after) in enumerate(itertools.pairwise(heard)) if before.text == after.text]
    assert len(repeated) == 1
    del heard[repeated[0]]
    assert broken(heard) == 0


@pytest.mark.parametrize(("venue", "symbol", "channel"), COUNTED)
def test_a_swap_exchanges_two_messages(venue: str, symbol: str, channel: str) -> None:
    heard = of(run(venue, Swap(10, venue, symbol, channel)), symbol, channel)
    assert broken(heard) in {2, 3}
    numbers = [own for _, own in links(heard)]
    assert len(numbers) == len(set(numbers))
    assert sum(after < before for before, after in itertools.pairwise(numbers)) == 1
    assert broken(sorted(heard, key=lambda one: links([one])[0][1])) == 0


def others(heard: list[Heard], symbol: str, channel: str) -> list[str]:
    return [one.text for one in heard if one.stream is None or not one.stream.is_of(symbol, channel)]


@pytest.mark.parametrize(("fault", "is_right"), [(Gap, False), (Swap, False), (Duplicate, True)])
def test_kraken_checksums_show_what_is_lost_or_swapped_but_not_what_is_doubled(
    *, fault: type[Gap | Swap | Duplicate], is_right: bool
) -> None:
    heard = run("kraken", fault(10, "kraken", "XBT/USD", "book"))
    assert (mismatches(of(heard, "XBT/USD", "book"))[0] == 0) is is_right
    assert mismatches(of(heard, "ETH/USD", "book"))[0] == 0


@pytest.mark.parametrize(
    ("venue", "symbol", "channel"),
    [*COUNTED, ("coinbase", "ETH-USD", "level2"), ("kraken", "XBT/USD", "book"), ("kraken", "XBT/USD", "trade")],
)
def test_a_frozen_stream_is_silent_loses_nothing_and_silences_no_other(venue: str, symbol: str, channel: str) -> None:
    heard = run(venue, Freeze(10, venue, symbol, channel, for_s=10), seconds=40)
    times = [one.at_s for one in of(heard, symbol, channel)]
    longest = max(after - before for before, after in itertools.pairwise(times))
    assert 9 < longest < 14
    if (venue, symbol, channel) in COUNTED:
        assert broken(of(heard, symbol, channel)) == 0
    if channel == "book":
        assert mismatches(of(heard, symbol, channel))[0] == 0
    follows = {"matches": {"ticker"}}.get(channel, set())  # a ticker says what was matched
    for stream in {one.stream for one in heard if one.stream is not None}:
        if not stream.is_of(symbol, channel) and stream.channel not in {"forceOrder", *follows}:
            assert any(11 < one.at_s < 19 for one in of(heard, *stream))


def test_a_backlog_makes_everything_late_and_drains() -> None:
    heard = run("binance_usdm", Delay(10, "binance_usdm", peak_s=3, for_s=12), seconds=30)
    late = {
        second: [lag for one, lag in zip(heard, lags_ms("binance_usdm", heard), strict=True) if int(one.at_s) == second]
        for second in range(30)
    }
    assert late[11] == [] or min(late[11]) < 100  # the backlog holds everything back at first
    assert min(late[14]) > 1500
    assert min(late[16]) > min(late[20]) > 200
    assert max(late[25]) < 200
    times = [one.at_s for one in heard]
    assert times == sorted(times)


def test_a_skewed_clock_shifts_times_and_delays_nothing() -> None:
    fault = Skew(10, "coinbase", offset_ms=-800, for_s=10)
    heard, whole = run("coinbase", fault), run("coinbase")
    assert [one.at_s for one in heard] == [one.at_s for one in whole]
    shifts = {
        round(skewed - lag)
        for one, skewed, lag in zip(heard, lags_ms("coinbase", heard), lags_ms("coinbase", whole), strict=True)
        if 10.5 < one.at_s < 19.5
    }
    assert shifts == {800}


def test_time_that_the_process_slept_through_is_left_out() -> None:
    spec, messages = CLASSES["binance_usdm"]
    simulation = Simulation(spec, messages, start_us=START_US)
    simulation.advance(1.0)
    assert len(simulation.advance(600.0)) < 200


def test_virtual_time_follows_a_wall_clock_that_jumps() -> None:
    spec, messages = CLASSES["coinbase"]
    simulation = Simulation(spec, messages, start_us=START_US)
    simulation.advance(1.0, START_US + 1_000_000)
    arrivals = [
        arrival for step in range(101, 300) for arrival in simulation.advance(step * 0.01, START_US + step * 10_000 + 3_600_000_000)
    ]
    last = [time for arrival in arrivals for time in Template(arrival.text, dialect("coinbase").times).times_us][-1]
    assert last == pytest.approx(START_US + 3_600_000_000 + 2_900_000, abs=500_000)
