"""Verdicts on silences, alone and beside peers, and the sentence that each rests on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.tables.market import FEED_VERDICTS
from tapewatch.sources.collectors.feed.cadence import LEARNED
from tapewatch.sources.collectors.feed.freshness import DEAD_S, LOST_DEAD_S, QUIET, Lost, is_calm, judge, seconds
from tapewatch.sources.collectors.feed.peers import Member, Peers
from tapewatch.sources.collectors.feed.pulse import Pulse

TAUGHT_S = 3000.0


class Scene:
    """Streams that have learned for fifty minutes, each with its own rhythm, on connections of their own venue."""

    def __init__(self) -> None:
        self.peers = Peers()
        self.links: dict[str, Pulse] = {}
        self.members: list[tuple[Member, float]] = []
        self.now_s = 0.0

    def add(self, venue: str, symbol: str, channel: str, every_s: float, *, on_change: bool = False) -> Member:
        link = self.links.setdefault(venue, Pulse())
        member = Member(venue, symbol, channel, Pulse(), link, on_change=on_change)
        self.peers.join(member)
        self.members.append((member, every_s))
        return member

    def teach(self) -> None:
        for pulse in self.pulses():
            pulse.listen(0.0)
        self.run(TAUGHT_S)

    def pulses(self) -> list[Pulse]:
        return [*self.links.values(), *(member.pulse for member, _ in self.members)]

    def run(self, for_s: float, *silent: Member) -> None:
        """Let time pass; ``silent`` ones say nothing."""
        end_s = self.now_s + for_s
        due = [(self.now_s + every_s, every_s, member) for member, every_s in self.members if member not in silent]
        while due:
            due.sort(key=lambda item: item[0])
            at_s, every_s, member = due.pop(0)
            if at_s <= end_s:
                member.pulse.beat(at_s)
                member.link.beat(at_s)
                due.append((at_s + every_s, every_s, member))
        self.now_s = end_s
        for pulse in self.pulses():
            pulse.cadence.settle(14.5)

    def verdict(self, member: Member) -> str:
        return judge(member, self.peers, self.now_s).verdict

    def evidence(self, member: Member) -> str:
        return judge(member, self.peers, self.now_s).evidence


def limit_s(member: Member) -> float:
    assert member.pulse.cadence.limit_s is not None
    return member.pulse.cadence.limit_s


def test_a_silence_passes_through_late_stale_and_dead_while_a_peer_moves() -> None:
    scene = Scene()
    trade, _ = scene.add("okx", "BTC/USDT", "trade", 0.5), scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    verdicts = [scene.verdict(trade)]
    for _ in range(80):
        scene.run(0.5, trade)
        verdicts.append(scene.verdict(trade))
    assert list(dict.fromkeys(verdicts)) == ["fresh", "late", "stale", "dead"]
    assert verdicts.index("dead") * 0.5 >= DEAD_S


def test_the_evidence_names_the_silence_what_is_usual_at_this_hour_and_the_peers_on_other_venues() -> None:
    scene = Scene()
    trade = scene.add("binance", "BTC/USDT", "trade", 2.0)
    scene.add("okx", "BTC/USDT", "trade", 1.0)
    scene.add("bybit", "BTC/USDT:USDT", "trade", 1.0)
    scene.teach()
    scene.run(41.0, trade)
    assert scene.evidence(trade) == (
        "no trade for 41 s, 99.9 % of gaps at this hour are under 3.2 s; BTC/USDT on okx and BTC/USDT:USDT on bybit are moving"
    )


def test_more_than_two_peers_are_counted() -> None:
    scene = Scene()
    trade = scene.add("binance", "BTC/USDT", "trade", 2.0)
    for venue in ("okx", "bybit", "kraken", "bitstamp"):
        scene.add(venue, "BTC/USDT", "trade", 1.0)
    scene.teach()
    scene.run(41.0, trade)
    assert scene.evidence(trade).endswith("BTC/USDT on okx, BTC/USDT on bybit and 2 more are moving")


def test_a_market_whose_streams_are_all_silent_is_quiet_while_the_connection_speaks() -> None:
    scene = Scene()
    trade, book = scene.add("okx", "XYZ/USDT", "trade", 2.0), scene.add("okx", "XYZ/USDT", "book", 1.0)
    other = scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.run(limit_s(trade) * 1.2, trade, book)
    assert (scene.verdict(trade), scene.verdict(other)) == ("quiet", "fresh")
    assert scene.evidence(trade).endswith("its book is silent too")
    # no market pauses for ever: both streams may have been lost together
    scene.run(limit_s(trade) * QUIET, trade, book)
    assert scene.verdict(trade) in {"stale", "dead"}


def test_a_market_that_moves_on_another_venue_is_not_quiet() -> None:
    scene = Scene()
    trade, book = scene.add("okx", "XYZ/USDT", "trade", 2.0), scene.add("okx", "XYZ/USDT", "book", 1.0)
    scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.add("bybit", "XYZ/USDT", "trade", 1.0)
    scene.teach()
    scene.run(limit_s(trade) * 1.2, trade, book)
    assert scene.verdict(trade) == "late"
    assert "XYZ/USDT on bybit is moving" in scene.evidence(trade)


def test_what_a_peer_said_together_with_the_last_message_is_no_movement() -> None:
    scene = Scene()
    ticker, trade = scene.add("okx", "XYZ/USDT", "ticker", 2.0), scene.add("okx", "XYZ/USDT", "trade", 2.0)
    scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.run(limit_s(ticker) * 1.2, ticker, trade)
    trade.pulse.last_s = (ticker.pulse.last_s or 0.0) + 0.01
    assert scene.verdict(ticker) == "quiet"


def test_a_channel_that_speaks_only_on_change_is_judged_only_while_a_peer_moves() -> None:
    scene = Scene()
    ticker = scene.add("okx", "XYZ/USDT", "ticker", 1.0, on_change=True)
    # so slow that nothing follows from its silence
    scene.add("okx", "XYZ/USDT", "trade", 30.0)
    book = scene.add("okx", "ABC/USDT", "book", 0.5)
    scene.teach()
    scene.run(limit_s(ticker) * 1.2, ticker, book)
    scene.links["okx"].beat(scene.now_s)
    assert (scene.verdict(ticker), scene.verdict(book)) == ("quiet", "late")
    scene.run(0.6, ticker)
    assert scene.verdict(ticker) == "late"


def test_a_stream_without_any_peer_is_judged_by_its_own_cadence() -> None:
    scene = Scene()
    ticker = scene.add("okx", "XYZ/USDT", "ticker", 1.0, on_change=True)
    scene.teach()
    scene.run(limit_s(ticker) * 1.2, ticker)
    assert scene.verdict(ticker) == "late"


def test_a_silent_connection_is_dead_within_seconds_however_slow_its_streams_are() -> None:
    scene = Scene()
    slow = scene.add("okx", "XYZ/USDT", "trade", 20.0)
    fast = scene.add("okx", "BTC/USDT", "book", 0.1)
    elsewhere = scene.add("bybit", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.run(4.5, slow, fast)
    assert (scene.verdict(slow), scene.verdict(fast), scene.verdict(elsewhere)) == ("dead", "dead", "fresh")
    assert scene.evidence(slow).startswith("nothing has come over the connection for 4.")


def test_heartbeats_keep_a_connection_alive_and_no_stream() -> None:
    scene = Scene()
    first, second = scene.add("okx", "A/USDT", "trade", 0.2), scene.add("okx", "B/USDT", "trade", 0.2)
    scene.teach()
    for _ in range(20):
        scene.run(1.0, first, second)
        scene.links["okx"].beat(scene.now_s)
    assert scene.verdict(first) == "dead"
    assert "of the connection" not in scene.evidence(first)


def test_a_restart_pages_nobody_and_forgets_nothing() -> None:
    scene = Scene()
    trade, book = scene.add("okx", "BTC/USDT", "trade", 1.0), scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.now_s += 7200.0
    for pulse in scene.pulses():
        pulse.listen(scene.now_s)
    assert (scene.verdict(trade), scene.verdict(book)) == ("unknown", "unknown")
    assert scene.evidence(trade).startswith("no trade since the subscription 0.00 s ago, 99.9 % of gaps at this hour are under")
    scene.run(2.0)
    assert (scene.verdict(trade), scene.verdict(book)) == ("fresh", "fresh")
    for pulse in scene.pulses():
        pulse.listen(scene.now_s)
    scene.run(limit_s(trade) * 1.1, trade)
    assert scene.verdict(trade) == "late"


def test_a_process_that_stood_still_excuses_the_silence() -> None:
    scene = Scene()
    trade = scene.add("okx", "BTC/USDT", "trade", 1.0)
    scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.now_s += 60.0
    for pulse in scene.pulses():
        pulse.excuse(scene.now_s)
    assert scene.verdict(trade) == "fresh"


def test_a_lost_connection_makes_a_stream_stale_at_once_and_dead_later() -> None:
    scene = Scene()
    trade, never = scene.add("okx", "BTC/USDT", "trade", 1.0), scene.add("okx", "ETH/USDT", "trade", 1e9)
    scene.teach()
    lost = judge(trade, scene.peers, scene.now_s, lost=Lost(0.1, "no connection: refused"))
    assert (lost.verdict, lost.evidence) == ("stale", "the connection has been away for 0.10 s: no connection: refused")
    assert judge(trade, scene.peers, scene.now_s, lost=Lost(LOST_DEAD_S, "")).verdict == "dead"
    assert judge(never, scene.peers, scene.now_s, lost=Lost(1.0, "")).verdict == "unknown"


def test_a_retired_stream_is_no_alarm_but_one_that_speaks_is_fresh() -> None:
    scene = Scene()
    trade = scene.add("okx", "BTC-USD-220527", "trade", 1.0)
    scene.teach()
    ended = "the contract expired on 2022-05-27"
    assert judge(trade, scene.peers, scene.now_s, retired=ended).verdict == "fresh"
    scene.run(100.0, trade)
    retired = judge(trade, scene.peers, scene.now_s, retired=ended)
    assert (retired.verdict, retired.evidence) == ("retired", "no trade for 100 s: the contract expired on 2022-05-27")


def test_before_enough_was_learned_a_stream_is_unknown_and_says_how_much_is_missing() -> None:
    scene = Scene()
    trade = scene.add("okx", "BTC/USDT", "trade", 600.0)
    scene.teach()
    assert scene.verdict(trade) == "unknown"
    assert scene.evidence(trade) == f"last trade 0.00 s ago; 4 of {LEARNED} silences learned"


def test_peers_that_left_say_nothing() -> None:
    scene = Scene()
    trade, book = scene.add("okx", "BTC/USDT", "trade", 1.0), scene.add("okx", "BTC/USDT", "book", 0.1)
    scene.teach()
    scene.run(10.0, trade)
    scene.peers.leave([book])
    assert scene.peers.company(trade, scene.now_s).is_alone
    assert scene.peers.streams_of(trade.link) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50), st.booleans()), max_size=120), st.floats(0, 1000))
def test_the_quick_question_agrees_with_the_verdict_and_every_verdict_is_a_word_of_the_table(
    story: list[tuple[str, float, bool]], after_s: float
) -> None:
    """What is calm is fresh: a stream that the quick question passes over would have got no other verdict."""
    peers, link = Peers(), Pulse()
    members = {name: Member("okx", symbol, "trade", Pulse(), link) for name, symbol in zip("abc", ("A/B", "A/B", "C/B"), strict=True)}
    for member in members.values():
        peers.join(member)
    now_s = 0.0
    for pulse in (link, *(member.pulse for member in members.values())):
        pulse.listen(now_s)
    for name, silence_s, is_anew in story:
        now_s += silence_s
        if is_anew and silence_s > 45:
            members[name].pulse.listen(now_s)
        members[name].pulse.beat(now_s)
        link.beat(now_s)
        for pulse in (link, *(member.pulse for member in members.values())):
            pulse.cadence.settle(now_s / 3600 % 168)
    now_s += after_s
    for member in members.values():
        judgement = judge(member, peers, now_s)
        assert judgement.verdict in {state.name for state in FEED_VERDICTS}
        assert judgement.evidence
        if is_calm(member, now_s):
            assert judgement.verdict == "fresh"


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.04 s"), (4.23, "4.2 s"), (41.2, "41 s"), (660.0, "11 min"), (7100.0, "118 min"), (90_000.0, "25 h")]
)
def test_seconds_are_written_with_the_digits_that_matter(value: float, text: str) -> None:
    assert seconds(value) == text
