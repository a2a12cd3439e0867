"""Windows of measurements."""

from tapewatch.ingest.timing import Rate, Timings


def test_quantiles_are_of_the_window_only() -> None:
    timings = Timings(span_s=60)
    for i in range(1, 101):
        timings.add(0.0 if i <= 50 else 100.0, i / 1000)

    assert timings.summary(0.0).count == 100
    late = timings.summary(120.0)
    assert (late.count, late.max_ms) == (50, 100.0)
    assert late.p50_ms is not None
    assert 74 <= late.p50_ms <= 77


def test_an_empty_window_gives_no_numbers() -> None:
    summary = Timings().summary(0.0)

    assert (summary.p50_ms, summary.count) == (None, 0)
    assert summary.measures("lag") == {}


def test_a_rate_is_the_mean_of_whole_seconds() -> None:
    rate = Rate(span_s=10)
    for second in range(20):
        rate.add(second + 0.1, 60)
        rate.add(second + 0.9, 40)

    assert rate.per_s(20.5) == 100.0
    assert rate.per_s(25.0) == 50.0
    assert rate.per_s(100.0) == 0.0
