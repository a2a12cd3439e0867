"""What one source may do over HTTP: its own token, its own rates, and no name but its own."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tapewatch_client import Client
from tests.server import Running
from tests.started import request, rows, up, wait_for

SETTINGS = """
[sources.bot-1]
token = "secret-of-bot-1"
[sources.bot-2]
token = "secret-of-bot-2"
[sources.slow]
rows_per_s = 5
[sources.client]
rows_per_s = 10
[sources.wide]
new_series_per_min = 3
[sources.lines]
rows_per_s = 5
[sources.probe]
new_series_per_min = 1
"""
OWN = "secret-of-the-server"
ROW = {"venue": "okx", "connected": True}


def send(
    server: Running, token: str = "", source: str | None = None, *given: dict[str, Any], form: str = "rows"
) -> tuple[int, dict[str, Any]]:
    """Hand rows in; one of `ROW` when none is given."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    batch = {"table": "exchange", "rows": list(given) or [ROW]}
    body = {"batches": [batch]} if form == "batches" else batch
    return request(server, "/api/rows", json.dumps({**body, **({"source": source} if source else {})}).encode(), headers)


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Has no token of its own."""
    with up(tmp_path_factory.mktemp("open"), SETTINGS) as server:
        yield server
    assert "secret" not in server.output.read_text()


@pytest.fixture(scope="module")
def closed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Has a token of its own."""
    with up(tmp_path_factory.mktemp("closed"), f'[server]\ntoken = "{OWN}"\n' + SETTINGS) as server:
        yield server
    assert "secret" not in server.output.read_text()


@pytest.mark.parametrize("form", ["rows", "batches"])
@pytest.mark.parametrize("which", ["open_server", "closed_server"])
def test_a_token_speaks_for_its_source_and_for_no_other(which: str, form: str, request: pytest.FixtureRequest) -> None:
    server: Running = request.getfixturevalue(which)
    assert send(server, "secret-of-bot-1", "bot-1", form=form)[1]["accepted"] == 1
    status, answer = send(server, "secret-of-bot-1", "bot-2", form=form)
    assert (status, answer["error"]["code"]) == (403, "wrong_source")
    assert "'bot-1'" in answer["error"]["message"]
    assert "'bot-2'" in answer["error"]["message"]
    assert "secret" not in json.dumps(answer)
    status, answer = send(server, "secret-of-bot-1", None, {**ROW, "source": "bot-2"}, {**ROW, "host": "unnamed"}, form=form)
    assert (status, answer["accepted"]) == (200, 1)
    assert [(one["row"], one["reason"], one["value"]) for one in answer["refused"]] == [(0, "wrong_source", "bot-2")]


def test_who_does_not_name_itself_is_the_source_of_its_token(open_server: Running) -> None:
    send(open_server, "secret-of-bot-1", None, {**ROW, "host": "nameless"})
    assert [row["source"] for row in rows(open_server, "exchange", where="host:nameless")] == ["bot-1"]
    assert request(open_server, "/api/ping/night", b"", {"Authorization": "Bearer secret-of-bot-2"})[0] == 200
    assert [row["source"] for row in rows(open_server, "heartbeat", where="check:night")] == ["bot-2"]


def test_without_a_token_nobody_is_a_source_that_has_one(open_server: Running) -> None:
    status, answer = send(open_server, "", "bot-1")
    assert (status, answer["error"]["code"]) == (403, "wrong_source")
    assert "has a token of its own" in answer["error"]["message"]
    status, answer = send(open_server, "", "free", {**ROW, "source": "bot-1"}, {**ROW, "host": "free"})
    assert (answer["accepted"], answer["refused"][0]["reason"]) == (1, "wrong_source")
    assert send(open_server, "", "free", {"source": "bot-1", "venue": "x"})[0] == 422


def test_the_servers_token_speaks_for_all_and_that_of_a_source_opens_nothing_else(closed_server: Running) -> None:
    assert send(closed_server, OWN, "bot-1")[0] == 200
    assert send(closed_server, "", "free")[0] == send(closed_server, "secret-of-nobody", "free")[0] == 401
    for path in ("/", "/api/query?table=exchange", "/api/catalog", "/metrics", "/docs", "/api/quarantine?table=x", "/api/status"):
        made = request(closed_server, path, None, {"Authorization": "Bearer secret-of-bot-1"})
        assert (made[0], made[1]["error"]["code"]) == (403, "refused"), path
    assert request(closed_server, "/health", None, {"Authorization": "Bearer secret-of-bot-1"})[0] == 200


def test_no_page_and_no_answer_has_a_token_in_it(closed_server: Running) -> None:
    for path in ("/", "/docs", "/openapi.json", "/metrics", "/api/catalog", "/api/dashboards", "/api/status"):
        with urlopen(Request(closed_server.url + path, headers={"Authorization": f"Bearer {OWN}"}), timeout=10) as answer:
            assert b"secret-of" not in answer.read(), path


def test_beyond_its_rate_a_source_is_told_when_to_come_back(open_server: Running) -> None:
    assert send(open_server, "", "slow", *[{**ROW, "host": f"h{i}"} for i in range(60)])[0] == 200
    status, answer = send(open_server, "", "slow")
    assert (status, answer["error"]["code"]) == (429, "too_fast")
    assert "sources.slow.rows_per_s" in answer["error"]["message"]
    status, answer = request(open_server, "/api/ping/x?source=slow", b"")
    assert (status, answer["error"]["code"]) == (429, "too_fast")
    assert send(open_server, "", "other")[0] == 200
    counts = wait_for(lambda: rows(open_server, "refusal", where="sender:slow"))
    assert [(one["reason"], one["values"]) for one in counts] == [("too_fast", 2)]


def test_the_client_waits_as_it_is_told_and_loses_nothing(open_server: Running) -> None:
    with Client(open_server.url, source="client") as client:
        for number in range(130):
            client.write("exchange", venue="okx", host=f"client-{number}", connected=True)
            if number % 20 == 0:
                client.flush(1)
        client.flush(20)
        stats = client.stats()
    assert (stats.delivered, stats.refused_rows, stats.dropped) == (130, 0, 0)


def refused_series(server: Running) -> float:
    """How many rows were refused because their series were too many."""
    sample = 'tapewatch_ingest_refused_by_reason_total{reason="too_many_series"} '
    found = [line for line in server.get("/metrics").decode().splitlines() if line.startswith(sample)]
    return float(found[0].removeprefix(sample)) if found else 0.0


def test_new_series_beyond_the_limit_are_refused_by_name(open_server: Running) -> None:
    number = count()  # what the store knows is read first; until then no series counts as new
    wait_for(lambda: send(open_server, "", "probe", {**ROW, "host": f"probe-{next(number)}"})[1].get("refused_total"))
    before = refused_series(open_server)
    many = [{**ROW, "host": f"order-{number}"} for number in range(10)]
    status, answer = send(open_server, "", "wide", *many)
    assert (status, answer["accepted"], answer["refused_total"]) == (200, 3, 7)
    first = answer["refused"][0]
    assert (first["table"], first["row"], first["reason"], first["value"]) == ("exchange", 3, "too_many_series", "order-3")
    assert "tag host" in first["message"]
    assert send(open_server, "", "wide", many[0])[1]["refused_total"] == 0
    assert refused_series(open_server) == before + 7


def test_series_from_before_a_restart_are_no_new_ones(tmp_path: Path) -> None:
    settings = "[sources.'*']\nnew_series_per_min = 5\n"
    known = [{**ROW, "host": f"h{number}"} for number in range(5)]
    with up(tmp_path, settings) as server:
        assert send(server, "", "bot", *known)[1]["accepted"] == 5
    with up(tmp_path) as server:
        numbers = count()
        wait_for(lambda: send(server, "", "bot", {**ROW, "host": f"n{next(numbers)}"})[1]["refused_total"])
        assert send(server, "", "bot", *known)[1]["accepted"] == 5


def lines(server: Running, path: str, body: str, token: str = "") -> int:
    """Hand lines in; the status of the answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(server.url + path, body.encode(), headers), timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_a_line_sender_that_is_too_fast_is_told_so_in_the_way_that_its_client_survives(open_server: Running) -> None:
    many = "".join(f"exchange,venue=okx,host=l{i} connected=t\n" for i in range(60))
    for path, status in (("/write", 503), ("/api/v2/write", 429)):
        lines(open_server, f"{path}?source=lines", many)
        assert lines(open_server, f"{path}?source=lines", many) == status


def test_a_wrong_token_makes_nobody_of_its_sender(open_server: Running) -> None:
    for path in ("/write", "/api/v2/write"):
        assert lines(open_server, path, "exchange,venue=okx,host=wrong connected=t\n", "secret-of-nobody") == 401
    assert send(open_server, "secret-of-nobody", "free")[0] == 401
    assert rows(open_server, "exchange", where="host:wrong") == []
