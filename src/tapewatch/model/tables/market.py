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
        counter("time_call_errors", "Time calls of the venue that failed since the measuring process started; null where none is made."),
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
        gauge(
            "silence_p50_ms", "ms", "Median of the silences that ended in the interval; messages within 50 ms are one arrival.", minimum=0
        ),
        gauge("silence_max_ms", "ms", "Longest silence of the interval, one that still lasts included.", minimum=0),
        gauge("usual_p50_ms", "ms", "Median silence at this hour of the week, as learned.", minimum=0),
        gauge("usual_p999_ms", "ms", "Silence under which 99.9 % stay at this hour of the week, as learned.", minimum=0),
        interval("gaps", "count", "Holes in the venue's own sequence; null where the venue counts nothing."),
        interval(
            "missing",
            "count",
            "Messages that are missing in the gaps, or trades where the venue numbers those; null where its numbers do not tell how many.",
        ),
        gauge(
            "gap_ms",
            "ms",
            "Longest gap of the interval: from the last message before it to the first one after it; null without a gap.",
            minimum=0,
        ),
        interval("duplicates", "count", "Messages that came twice; null where the venue counts nothing."),
        interval("reorders", "count", "Messages that came in the wrong order; null where the venue counts nothing."),
        interval("resyncs", "count", "Times that the book was fetched anew."),
        interval("reconnects", "count", "Times that the connection was made anew."),
        interval("checksum_mismatches", "count", "Books that differed from the venue's checksum; null where it sends none."),
        interval("crossed", "count", "Books or quotes whose best bid was at or above the best ask; null where no book is kept."),
        interval(
            "out_of_band",
            "count",
            "Messages with trades outside the day's range that the venue's ticker gives; null where it gives none.",
        ),
        interval(
            "snapshot_mismatches",
            "count",
            "Snapshots that contradict the book that the changes had made; null where none came that could be compared.",
        ),
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
        gauge(
            "clock_offset_ms",
            "ms",
            "Host's clock minus the venue's; where the venue's time call is not asked, the shortest way seen is included.",
            by_clock=True,
        ),
        gauge("clock_offset_error_ms", "ms", "How wrong the offset may be.", minimum=0),
        gauge(
            "way_ms",
            "ms",
            "Shortest time from the venue's stamp to here, which latencies are above; as wrong as the offset, null without a time call.",
            minimum=0,
            by_clock=True,
        ),
        gauge("backlog_ms", "ms", "Latency that is growing or draining because the link or this host is behind.", minimum=0),
        gauge("batch_ms", "ms", "Rhythm in which messages arrive in lumps, as venues send that batch; null without one.", minimum=0),
        gauge(
            "own_delay_ms",
            "ms",
            "Longest that the collecting process itself kept messages waiting: event loop, garbage collection, unread messages.",
            minimum=0,
        ),
        gauge("interval_s", "s", "Length of the interval that ends at the row's time.", minimum=0),
    ),
    retention=Retention.MARKET,
    stream_verdict="verdict",
)

FEED_LEAD = Table(
    "feed_lead",
    "Whether the price of a market moves on one venue before it moves on another, over the last ten minutes.",
    (
        _HOST,
        _VENUE,
        _SYMBOL,
        tag("peer", "The other venue."),
        tag("peer_symbol", "The symbol there; the same market, perhaps settled in something else."),
        state(
            "standing",
            "Whether the venue is ahead of the other or behind it, by their own times; unclear when that may be wrong.",
            (State("ahead", Status.UP), State("behind", Status.UP), State("unclear", Status.UP)),
        ),
        text("evidence", "Why, in one sentence."),
        gauge("lead_ms", "ms", "How much earlier prices move on the venue, by the venues' own times; negative when later."),
        gauge("lead_error_ms", "ms", "How wrong that may be, the offsets of both clocks included.", minimum=0),
        gauge("here_ms", "ms", "How much earlier its moves arrive on this host, by one clock; negative when later."),
        gauge("here_error_ms", "ms", "How wrong that may be.", minimum=0),
        gauge("correlation", "none", "Correlation of the moves at that distance.", minimum=-1, maximum=1),
        gauge("moves", "count", "Price changes of the one that had fewer.", minimum=0),
    ),
    retention=Retention.MARKET,
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

TABLES = (DAEMON, EXCHANGE, PIPELINE, FEED, FEED_LEAD, FUNDING_RATE, OPEN_INTEREST, LIQUIDATION, CANDLE)
