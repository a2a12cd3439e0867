"""Pings become rows of table heartbeat."""

from collections.abc import Mapping
from typing import Any

import pytest

from tapewatch.errors import SourceError
from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery
from tapewatch.model.venue import Names
from tapewatch.sources.receivers.ping import Ping

NOW_US = 1_800_000_000_000_000


def ping(check: str = "backup", kind: str | None = None, body: bytes = b"", **query: str) -> Delivery:
    path: Mapping[str, str] = {"check": check} if kind is None else {"check": check, "kind": kind}
    return Ping().receive(body, "", query, path).delivery


def row(delivery: Delivery) -> dict[str, Any]:
    return delivery.batches[0].rows()[0]


def test_a_plain_ping_is_a_success() -> None:
    assert row(ping()) == {"check": "backup", "kind": "success"}
    assert (ping().source, ping().env, ping().batches[0].table) == ("ping", "live", "heartbeat")


@pytest.mark.parametrize("kind", ["start", "success", "fail", "log"])
def test_the_path_says_what_happened(kind: str) -> None:
    assert row(ping(kind=kind))["kind"] == kind


def test_numbers_message_and_sender_come_along() -> None:
    delivery = ping(body="ünd done".encode(), duration_ms="12.5", exit_code="0", env="paper", source="cron", host="h1")

    assert row(delivery) == {"check": "backup", "kind": "success", "duration_ms": 12.5, "exit_code": 0.0, "message": "ünd done"}
    assert (delivery.env, delivery.source, delivery.host) == ("paper", "cron", "h1")


@pytest.mark.parametrize(("exit_code", "kind"), [("0", "success"), ("1", "fail"), ("137", "fail"), ("", "success"), ("x", "fail")])
def test_an_exit_code_decides_when_the_path_does_not(exit_code: str, kind: str) -> None:
    assert row(ping(exit_code=exit_code))["kind"] == kind
    assert row(ping(kind="log", exit_code=exit_code))["kind"] == "log"


def test_a_number_that_is_none_is_told_and_the_ping_counts() -> None:
    delivery = ping(duration_ms="soon", body=b"\xff\x00")
    judged = validate(delivery.batches[0], Catalog()["heartbeat"], names=Names(), now_us=NOW_US, defaults=Defaults("ping"))

    assert judged.batch is not None
    assert [(refusal.column, refusal.reason) for refusal in judged.refusals] == [("duration_ms", "wrong_type")]


def test_another_kind_is_refused_with_those_allowed() -> None:
    with pytest.raises(SourceError, match="one of start, success, fail, log, not 'finish'") as caught:
        ping(kind="finish")
    assert caught.value.permanent
