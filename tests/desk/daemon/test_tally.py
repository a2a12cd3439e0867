import pytest

from tapewatch.clock import ManualClock
from tapewatch.desk.daemon.tally import Pipe, Tally, pipeline_document

BTC, ETH = Pipe("v", "BTC/USD", "trade"), Pipe("v", "ETH/USD", "trade")


def test_an_interval_has_what_happened_in_it_and_zeros_for_what_did_not() -> None:
    clock = ManualClock(1_000_000)
    tally = Tally((BTC, ETH), clock)
    tally.record(BTC, 100, 20.0)
    tally.record(BTC, 50, 40.0)
    tally.gap(BTC, 3.0)
    tally.gap(BTC, 2.0)
    clock.advance(10)
    first = tally.end_interval()
    assert (first.end_us, first.length_s) == (11_000_000, 10.0)
    amount = first.amounts[BTC]
    assert (amount.records, amount.bytes, amount.mean_latency_ms, amount.gap_s) == (2, 150, 30.0, 3.0)
    assert (first.amounts[ETH].records, first.amounts[ETH].mean_latency_ms, first.amounts[ETH].gap_s) == (0, None, None)
    clock.advance(5)
    second = tally.end_interval()
    assert (second.length_s, second.amounts[BTC].records) == (5.0, 0)


def test_a_venue_whose_clock_is_ahead_gives_no_negative_latency() -> None:
    tally = Tally((BTC,), ManualClock())
    tally.record(BTC, 1, -50.0)
    assert tally.end_interval().amounts[BTC].mean_latency_ms == 0


def test_the_document_adds_symbols_counts_from_the_start_and_lists_gaps() -> None:
    tally = Tally((BTC, ETH), ManualClock())
    tally.record(BTC, 100, 900.0)
    tally.end_interval()
    tally.record(BTC, 100, 20.0)
    tally.record(ETH, 300, 50.0)
    tally.record(ETH, 300, 50.0)
    tally.gap(ETH, 4.5)
    last = tally.end_interval()
    tally.record(ETH, 7, 900.0)
    assert pipeline_document(tally.totals, last.amounts) == {
        "exchanges": {"v": {"trade": {"count": 5, "bytes": 807, "latency_ms": pytest.approx(40.0), "symbols": ["BTC/USD", "ETH/USD"]}}},
        "gaps": [{"exchange": "v", "symbol": "ETH/USD", "data_type": "trade", "duration_seconds": 4.5}],
    }
