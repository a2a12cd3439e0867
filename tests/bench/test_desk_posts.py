"""The benches of load count by series: a row too many here does not make up for one that is missing there."""

import json
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np

from bench import soak
from bench.desk_posts import DeskPosts, Tally, lists, stored
from bench.line_posting import LinePace, bodies
from bench.posting import Answered
from tapewatch.model.rows import Coded, RowBatch
from tests import started
from tests.client.scripted_server import objects

START_US, STEP_US = 60_000_000, 1_000_000


def test_bodies_say_what_is_counted() -> None:
    posts = DeskPosts("host1", seed=1)
    bodies = [json.loads(posts.body(START_US + number * STEP_US, START_US + (number + 1) * STEP_US, 200)) for number in range(3)]
    found = [(batch["table"], row) for body in bodies for batch in body["batches"] for row in objects(batch)]
    assert [body["sequence"] for body in bodies] == [1, 2, 3]
    assert (posts.tally.total, posts.tally.start_us, posts.tally.end_us) == (600, START_US, START_US + 3 * STEP_US)
    assert Counter(table for table, _ in found) == Counter(pipeline=360, exchange=60, process=180)
    assert posts.tally.records == sum(row["records"] for table, row in found if table == "pipeline")
    assert posts.tally.rows["exchange", "host1", "kraken"] == sum(table == "exchange" and row["venue"] == "kraken" for table, row in found)


def test_values_that_are_none_are_null_and_flags_are_flags() -> None:
    batch = RowBatch(
        "pipeline", 2, {"venue": Coded.of(["okx", "okx"]), "gap": np.array([1, 0], np.int8), "gap_s": np.array([61.5, np.nan])}
    )
    assert lists(batch) == {"columns": ["venue", "gap", "gap_s"], "rows": [["okx", True, 61.5], ["okx", False, None]]}


def test_missing_and_surplus_do_not_cancel() -> None:
    sent, found = Tally(Counter({("a",): 5, ("b",): 5})), Tally(Counter({("a",): 4, ("b",): 6}))
    assert (sent.beyond(found), found.beyond(sent)) == (1, 1)


def test_a_server_is_found_to_have_lost_what_was_never_sent_to_it(tmp_path: Path) -> None:
    with started.up(tmp_path) as server:
        posts = DeskPosts("host1", seed=1)
        now_us = server_now_us()
        for number in range(-4, 0):
            body = posts.body(now_us + number * STEP_US, now_us + (number + 1) * STEP_US, 100)
            if number != -2:
                status, answer = started.request(server, "/api/rows", body, {"Content-Type": "application/json"})
                assert (status, answer["accepted"]) == (200, 100)
        found, by_summaries = stored(server.url, posts.tally)
    assert (posts.tally.total, found.total, by_summaries) == (400, 300, 300)
    assert (posts.tally.beyond(found), found.beyond(posts.tally)) == (100, 0)
    assert 0 < found.records < posts.tally.records


def test_a_post_that_was_acknowledged_short_misses_the_bar(tmp_path: Path) -> None:
    with started.up(tmp_path) as server:
        posts = DeskPosts("host1", seed=1)
        now_us = server_now_us()
        body = posts.body(now_us - STEP_US, now_us, 100)
        started.request(server, "/api/rows", body, {"Content-Type": "application/json"})
        for accepted, missed in ((100, []), (99, ["rows sent and not acknowledged, or acknowledged twice"])):
            answered = [Answered(1.0, 0.0, 100, accepted, 0)]
            assert [bar.name for bar in soak.counted(server.url, posts.tally, soak.accepted(answered)) if not bar.is_met] == missed


def test_lines_are_counted_as_they_are_written(tmp_path: Path) -> None:
    (texts, tally) = bodies("lines1", 3, LinePace(1, 1, 10, 250))
    with started.up(tmp_path) as server:
        for text in texts:
            with urllib.request.urlopen(
                urllib.request.Request(f"{server.url}/write?source=desk", text, method="POST"), timeout=20
            ) as answer:
                assert answer.status == 204
        found, by_summaries = stored(server.url, tally)
    assert (tally.total, found.rows, found.records, by_summaries) == (750, tally.rows, tally.records, 750)


def server_now_us() -> int:
    return soak.time.time_ns() // 1_000
