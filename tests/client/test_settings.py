"""Defaults from the environment and the program; settings that cannot work are refused at once, by name."""

import sys

import pytest

from tapewatch_client import Client
from tapewatch_client.settings import default_source, split_url


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:4780", (False, "127.0.0.1", 4780, "")),
        ("http://watch.example/", (False, "watch.example", 80, "")),
        ("https://watch.example/tape/watch/", (True, "watch.example", 443, "/tape/watch")),
        ("http://[::1]:4780", (False, "::1", 4780, "")),
    ],
)
def test_an_address_is_taken_apart(url: str, parts: tuple[bool, str, int, str]) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize(
    "url", ["127.0.0.1:4780", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://host/?a=b", "http://[::1"]
)
def test_an_address_that_cannot_be_used_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"address of tapewatch .*give one like http://127.0.0.1:4780"):
        Client(url)


def test_a_secret_in_the_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="token=") as caught:
        Client("http://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_a_token_that_cannot_stand_in_a_header_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="token") as caught:
        Client(token="hunter2\nX-Other: 1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("bound", ["max_memory_bytes", "flush_interval_s", "timeout_s"])
def test_a_bound_must_be_positive(bound: str) -> None:
    with pytest.raises(ValueError, match=f"{bound} is 0"):
        Client(**{bound: 0})  # pyright: ignore[reportArgumentType] - each bound is a number


def test_address_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "http://127.0.0.1:4780" in repr(Client())
    monkeypatch.setenv("TAPEWATCH_URL", "http://watch.example:4781/")
    monkeypatch.setenv("TAPEWATCH_TOKEN", "bad token")
    assert "http://watch.example:4781'" in repr(Client(token="good"))
    with pytest.raises(ValueError, match="token"):
        Client()


@pytest.mark.parametrize(
    ("program", "source"),
    [
        ("/opt/bots/maker.py", "maker"),
        ("/usr/bin/bot", "bot"),
        ("/opt/desk/__main__.py", "desk"),
        ("-c", "client"),
        ("-m", "client"),
        ("", "client"),
    ],
)
def test_the_source_is_the_program(monkeypatch: pytest.MonkeyPatch, program: str, source: str) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert default_source() == source


def test_each_client_has_an_id_of_its_own() -> None:
    ids = {Client().id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)
