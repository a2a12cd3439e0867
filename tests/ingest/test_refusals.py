"""Counts of refusals stay bounded whatever senders invent."""

from tapewatch.ingest.refusals import MOST_KINDS, RefusalCounts


def test_only_what_changed_is_given_and_counts_grow() -> None:
    counts = RefusalCounts()
    counts.count("bot", "exchange", None, "too_old", 2, "ts: 5")
    assert counts.drain() == [
        {"sender": "bot", "table_name": "exchange", "column_name": "*", "reason": "too_old", "values": 2, "example": "ts: 5"}
    ]
    assert counts.drain() == []
    counts.count("bot", "exchange", None, "too_old", 1, "")
    assert [(row["values"], row["example"]) for row in counts.drain()] == [(3, "ts: 5")]


def test_rows_that_were_put_back_come_again_with_the_newest_count() -> None:
    counts = RefusalCounts()
    counts.count("bot", "exchange", "latency_ms", "nan", 1, "nan")
    rows = counts.drain()
    counts.put_back(rows)
    counts.count("bot", "exchange", "latency_ms", "nan", 1, "nan")

    assert [row["values"] for row in counts.drain()] == [2]


def test_beyond_the_bound_everything_of_one_reason_is_counted_together() -> None:
    counts = RefusalCounts()
    for i in range(MOST_KINDS + 50):
        counts.count("bot", f"table{i}", None, "unknown_table", 1, "")

    rows = counts.drain()
    assert len(rows) == MOST_KINDS + 1
    assert rows[-1] == {"sender": "*", "table_name": "*", "column_name": "*", "reason": "unknown_table", "values": 50, "example": None}
    assert counts.by_reason == {"unknown_table": MOST_KINDS + 50}


def test_names_that_senders_chose_are_fit_to_be_tags() -> None:
    counts = RefusalCounts()
    counts.count("", "a\nb" + "x" * 300, "\x00", "unknown_table", 1, "")
    row = counts.drain()[0]

    assert row["sender"] == '""'
    assert len(row["table_name"]) == 60
    assert "\n" not in row["table_name"]
    assert row["column_name"] == "\ufffd"
