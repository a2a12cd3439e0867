"""The judge of `bench/side_by_side.py`: what is true of the rows, when an answer is right, how systems are asked and read, and the page."""

import json
from urllib.parse import parse_qs, unquote_plus, urlsplit

import numpy as np
import pytest

from bench.rivals import SYSTEMS
from bench.rivals.influxdb import InfluxDB
from bench.rivals.ours import Tapewatch
from bench.rivals.page import LINES, OTHERS, Measured, leads, number, page
from bench.rivals.questdb import QuestDB
from bench.rivals.question import DASHBOARD, Answer, Kind, Question, agree, asked
from bench.rivals.rows import BODY_LINES, Rows
from bench.rivals.truth import truth
from bench.rivals.victoriametrics import VictoriaMetrics

END_S = 1_800_000_000 // 3_600 * 3_600
ROWS = Rows(4_800, END_S)


def row_of(line: str) -> tuple[str, dict[str, str], int]:
    series, fields, at_ns = line.split(" ")
    table, *tags = series.split(",")
    return table, dict(pair.split("=") for pair in (*tags, *fields.split(","))), int(at_ns)


def lines() -> list[tuple[str, dict[str, str], int]]:
    return [row_of(line) for body in ROWS.bodies for line in body.decode().splitlines()]


def test_bodies_hold_every_row_once_in_time_order_between_the_hundredths_of_a_second() -> None:
    sent = lines()
    times = [at_ns for _, _, at_ns in sent]
    assert len(sent) == ROWS.count == sum(ROWS.count_by_table.values())
    assert all(body.count(b"\n") == BODY_LINES for body in ROWS.bodies[:-1])
    assert times == sorted(times)
    assert {at_ns % 10_000_000 for at_ns in times} == {5_000_000}
    assert len({(table, tuple(sorted(values.items())), at_ns) for table, values, at_ns in sent}) == ROWS.count


def test_the_truth_is_that_of_the_lines() -> None:
    """Computed a second time, slowly, from the text that is sent."""
    start_s = END_S - 3_600
    of = [row for row in lines() if start_s * 10**9 <= row[2] < END_S * 10**9]
    latency: dict[tuple[str | int, ...], list[float]] = {}
    newest: Answer = {}
    for table, values, at_ns in of:
        if table == "exchange":
            latency.setdefault((values["venue"], at_ns // 10**9 // 60 * 60), []).append(float(values["latency_ms"]))
        if table == "process":
            newest[(values["process"],)] = (float(values["cpu_ratio"]), float(values["rss_bytes"]))
    slow = {key: (sum(found) / len(found), max(found)) for key, found in latency.items()}
    assert agree(slow, truth(ROWS.told, Question(Kind.VENUES, start_s, END_S, "exchange")))
    assert newest
    assert agree(newest, truth(ROWS.told, Question(Kind.NEWEST, start_s, END_S, "process")))


def test_the_slowest_symbols_are_the_slowest() -> None:
    question = Question(Kind.SLOWEST, END_S - 43_200, END_S, "pipeline")
    told = ROWS.told["pipeline"].of(question)
    symbols, latency = told.words("symbol").words(), told.numbers("latency_ms")
    means = {(str(symbol),): (float(latency[symbols == symbol].mean()),) for symbol in np.unique(symbols.astype(str))}
    best = sorted(means, key=lambda key: -means[key][0])[:5]
    assert agree({key: means[key] for key in best}, truth(ROWS.told, question))


def test_an_answer_is_right_only_with_the_same_groups_and_the_same_numbers() -> None:
    right: Answer = {("a", 60): (1.5, 2.0)}
    assert agree({("a", 60): (1.5 * (1 + 1e-12), 2.0)}, right)
    assert not agree({("a", 60): (1.5001, 2.0)}, right)
    assert not agree({("a", 60): (1.5,)}, right)
    assert not agree({}, right)
    assert not agree({("a", 60): (1.5, 2.0), ("b", 60): (1.0, 1.0)}, right)


def test_questions_are_the_same_for_everybody_and_lie_within_the_day() -> None:
    once = list(asked(END_S, 50))
    assert once == list(asked(END_S, 50))
    assert {question.kind for question in once} == set(DASHBOARD)
    assert all(END_S - 86_400 <= question.start_s < question.end_s <= END_S and question.start_s % 300 == 0 for question in once)


VENUES = Question(Kind.VENUES, 1_800_000_000, 1_800_003_600, "exchange")


def test_each_system_is_asked_for_the_span() -> None:
    assert json.loads(Tapewatch().ask(VENUES).body)["range"] == {"start_us": 1_800_000_000_000_000, "end_us": 1_800_003_600_000_000}
    assert "timestamp >= '2027-01-15T08:00:00Z' AND timestamp < '2027-01-15T09:00:00Z'" in unquote_plus(QuestDB().ask(VENUES).path)
    assert "time >= 1800000000s AND time < 1800003600s" in unquote_plus(InfluxDB().ask(VENUES).path)
    # windows end where they are asked for: the first one ends a minute after the start
    form = parse_qs(VictoriaMetrics().ask(VENUES).body.decode())
    assert (form["start"], form["end"], form["step"]) == (["1800000060"], ["1800003600"], ["60s"])
    assert all(urlsplit(kind().ask(VENUES).path).path.startswith("/") for kind in SYSTEMS)


ANSWERS = {
    Tapewatch: {
        "columns": [
            {"name": "venue", "values": ["v"]},
            {"name": "bucket", "values": [1_800_000_060_000_000]},
            {"name": "avg_latency_ms", "values": [1.5]},
            {"name": "max_latency_ms", "values": [2.0]},
        ]
    },
    QuestDB: {"dataset": [["v", "2027-01-15T08:01:00.000000Z", 1.5, 2.0]]},
    VictoriaMetrics: {
        "data": {
            "result": [
                {"metric": {"venue": "v", "value": "1"}, "values": [[1_800_000_120, "2"]]},
                {"metric": {"venue": "v", "value": "0"}, "values": [[1_800_000_120, "1.5"]]},
            ]
        }
    },
    InfluxDB: {"results": [{"series": [{"tags": {"venue": "v"}, "values": [[1_800_000_060, 1.5, 2]]}]}]},
}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_each_system_is_read_the_same(kind: type[Tapewatch | QuestDB | VictoriaMetrics | InfluxDB]) -> None:
    assert kind().read(VENUES, json.dumps(ANSWERS[kind]).encode()) == {("v", 1_800_000_060): (1.5, 2.0)}


def found(value: float, **others: float) -> dict[str, float]:
    return {OTHERS: 0.02} | {line.of: value for line in LINES} | {name.replace("_", " "): other for name, other in others.items()}


def test_the_page_says_where_we_lead_and_where_not() -> None:
    done = [Measured(Tapewatch(), "1", found(10, memory_MB=50)), Measured(QuestDB(), "2", found(10.5, memory_MB=20))]
    text = page(done, 1_000, 170, "somehow")
    memory = next(line for line in LINES if line.of == "memory MB")
    assert not leads(memory, done[0], done)
    assert "| memory with the data (resident), MB | 50 | **20** |" in text
    behind = text.split("## Where it does not, and why")[1].split("##")[0]
    assert behind.strip() == f"- {memory.text}: QuestDB 20, tapewatch 50 MB; {memory.why}."
    assert "- memory with the data" not in text.split("## Where tapewatch leads")[1].split("##")[0]


def test_numbers_on_the_page_have_three_digits() -> None:
    assert [number(value) for value in (0.12345, 12.345, 1_234.5, 234_567.0)] == ["0.123", "12.3", "1,230", "235,000"]
