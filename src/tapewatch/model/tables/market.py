"""The market-data daemon, venues, pipelines, feeds and what the market itself says."""

from __future__ import annotations

from tapewatch.model.table import (
    Column,
    FlagRule,
    Kind,
    Retention,
    State,
    Status,
    Table,
    Thresholds,
    counter,
    flag,
    gauge,
    interval,
    state,
    tag,
    text,
    time,
)

_HOST = tag("host", "Host on which the measuring ran.")
_VENUE = tag("venue", "Venue id, lower case.")
_SYMBOL = tag("symbol", "Symbol as BASE/QUOTE or BASE/QUOTE:SETTLE.")
_LATENCY = Thresholds(300, 500)

FEED_VERDICTS = (
    State("fresh", Status.UP),
    State("quiet", Status.UP),
    State("retired", Status.UP),
    State("unknown", Status.UNKNOWN),
    State("late", Status.DEGRADED),
    State("stale", Status.DEGRADED),
    State("dead", Status.DOWN),
)

DAEMON = Table(
    "daemon",
    "One status of a market-data daemon.",
    (
        _HOST,
        tag("daemon", "Name of the daemon."),
        flag("running", "Whether it says that it runs.", rule=FlagRule(bad=False, down_after_s=60)),
        flag("shutdown_requested", "Whether it was told to stop."),
        counter("fetches", "Fetches since it started, per symbol, those that returned nothing included."),
        counter("errors", "Errors since it started."),
        counter("liquidations", "Liquidations streamed since it started."),
        gauge("uptime_s", "s", "Seconds since it started; 0 while it does not run.", minimum=0),
        time("last_fetch_at", "When it last fetched."),
        text("last_error", "Its last error in words."),
        text("symbols", "Symbols it fetches, joined by commas."),
        text("exchanges", "Venues it fetches from, joined by commas, or all."),
    ),
)

EXCHANGE = Table(
    "exchange",
    "One measurement of the connection to a venue.",
    (
        _HOST,
        _VENUE,
        flag("connected", "Whether the connection to the venue stands.", rule=FlagRule(bad=False, down_after_s=30)),
        gauge("latency_ms", "ms", "Round trip to the venue.", minimum=0, thresholds=_LATENCY),
        counter("reconnects", "Reconnects since the measuring process started."),
        time("last_message_at", "When the last message of the venue arrived."),
        time("disconnected_at", "When the connection was lost; null while it stands."),
        gauge("rate_limit_ratio", "ratio", "Share of the venue's request budget in use.", minimum=0, thresholds=Thresholds(0.8, 0.95)),
    ),
    retention=Retention.MARKET,
)

PIPELINE = Table(
    "pipeline",
    "What one data pipeline did in one interval.",
    (
        _HOST,
        _VENUE,
        _SYMBOL,
        tag("data_type", "Kind of data, such as open_interest, funding or liquidation."),
        interval("records", "count", "Records written in the interval."),
        interval("bytes", "bytes", "Bytes written in the interval."),
        gauge("latency_ms", "ms", "Processing latency.", minimum=0, thresholds=Thresholds(100, 500), by_clock=True),
        flag("gap", "Whether data of the interval is missing.", rule=FlagRule(bad=True)),
        gauge("gap_s", "s", "Length of the gap; null without one.", minimum=0, thresholds=Thresholds(60, 300)),
        gauge("interval_s", "s", "Length of the interval that ends at the row's time.", minimum=0),
    ),
    retention=Retention.MARKET,
)

FEED = Table(
    "feed",
    "Quality of one stream of a venue in one interval, measured from its messages.",
    (
        _HOST,
        _VENUE,
        _SYMBOL,
        tag("channel", "Channel, such as trade, book or ticker."),
        state("verdict", "What the measuring collector concludes about the stream.", FEED_VERDICTS),
        text("evidence", "Why, in one sentence."),
        interval("messages", "count", "Messages of the interval."),
        gauge("age_ms", "ms", "Time since the last message.", minimum=0),
        gauge("expected_ms", "ms", "Longest silence that is usual for this stream, as learned.", minimum=0),
        interval("gaps", "count", "Holes in the venue's own sequence; null where the venue counts nothing."),
        interval("duplicates", "count", "Messages that came twice; null where the venue counts nothing."),
        interval("reorders", "count", "Messages that came in the wrong order; null where the venue counts nothing."),
        interval("resyncs", "count", "Times that the book was fetched anew."),
        interval("reconnects", "count", "Times that the connection was made anew."),
        interval("checksum_mismatches", "count", "Books that differed from the venue's checksum; null where it sends none."),
        interval("crossed", "count", "Books whose best bid was above the best ask; null where no book is kept."),
        gauge("latency_p50_ms", "ms", "Median latency of the interval, above the best seen.", minimum=0, by_clock=True),
        gauge("latency_p95_ms", "ms", "95th percentile of latency of the interval, above the best seen.", minimum=0, by_clock=True),
        gauge(
            "latency_p99_ms",
            "ms",
            "99th percentile of latency of the interval, above the best seen.",
            minimum=0,
            thresholds=_LATENCY,
            by_clock=True,
        ),
        gauge("latency_max_ms", "ms", "Largest latency of the interval, above the best seen.", minimum=0, by_clock=True),
        Column(
            "latency_ms_sketch",
            Kind.SKETCH,
            "Latencies of the interval as a mergeable sketch with 1 % relative error.",
            unit="ms",
            by_clock=True,
        ),
        gauge("clock_offset_ms", "ms", "Host's clock minus the venue's, the shortest way seen included.", by_clock=True),
        gauge("clock_offset_error_ms", "ms", "How wrong the offset may be.", minimum=0),
        gauge("backlog_ms", "ms", "Latency that is growing or draining because the link or this host is behind.", minimum=0),
        gauge("interval_s", "s", "Length of the interval that ends at the row's time.", minimum=0),
    ),
    retention=Retention.MARKET,
    stream_verdict="verdict",
)

FUNDING_RATE = Table(
    "funding_rate",
    "One funding rate of a perpetual contract.",
    (
        _VENUE,
        _SYMBOL,
        gauge("rate", "ratio", "Rate per interval as a fraction of the position's value."),
        gauge("predicted_rate", "ratio", "Next rate, as the venue predicts it."),
        gauge("interval_h", "h", "Hours between two fundings.", minimum=0),
        time("next_at", "When the next funding is due."),
    ),
    retention=Retention.MARKET,
)

OPEN_INTEREST = Table(
    "open_interest",
    "Open interest of one contract.",
    (
        _VENUE,
        _SYMBOL,
        gauge("contracts", "quantity", "Open contracts.", minimum=0),
        gauge("value", "money", "Their value in the currency beside it.", minimum=0),
        text("currency", "Currency of the value."),
    ),
    retention=Retention.MARKET,
)

LIQUIDATION = Table(
    "liquidation",
    "One forced closing of a position.",
    (
        _VENUE,
        _SYMBOL,
        tag("side", "buy or sell: the side of the forced order."),
        gauge("quantity", "quantity", "Quantity closed.", minimum=0),
        gauge("price", "price", "Price of the closing.", minimum=0),
        gauge("value", "money", "Quantity times price, in the quote currency.", minimum=0),
    ),
    retention=Retention.MARKET,
)

CANDLE = Table(
    "candle",
    "One candle; the row's time is its start.",
    (
        _VENUE,
        _SYMBOL,
        tag("interval", "Length, such as 1m or 1h."),
        gauge("open", "price", "First price.", minimum=0),
        gauge("high", "price", "Highest price.", minimum=0),
        gauge("low", "price", "Lowest price.", minimum=0),
        gauge("close", "price", "Last price.", minimum=0),
        gauge("volume", "quantity", "Quantity traded.", minimum=0),
    ),
    retention=Retention.MARKET,
)

TABLES = (DAEMON, EXCHANGE, PIPELINE, FEED, FUNDING_RATE, OPEN_INTEREST, LIQUIDATION, CANDLE)
