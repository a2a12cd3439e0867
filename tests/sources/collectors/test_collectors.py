"""Every collector in its folder is registered and held to the contract; the settings name what they refuse."""

import pkgutil
from pathlib import Path

import pytest

from tapewatch.errors import ConfigError
from tapewatch.sources import collectors
from tapewatch.sources.collectors import BUILT_IN, COLLECTORS, collector_from_settings
from tapewatch.sources.collectors.daemon import DaemonCollector
from tapewatch.sources.collectors.feed import FeedCollector

FOLDER = collectors.__name__


def test_every_module_of_the_folder_is_registered() -> None:
    modules = {module.name for module in pkgutil.iter_modules(collectors.__path__)}
    registered = {kind.__module__.removeprefix(f"{FOLDER}.").split(".")[0] for kind in (*COLLECTORS, *BUILT_IN)}

    assert registered == modules
    assert len({kind.kind for kind in (*COLLECTORS, *BUILT_IN)}) == len(COLLECTORS) + len(BUILT_IN)


@pytest.mark.parametrize("kind", COLLECTORS, ids=lambda kind: kind.kind)
def test_every_collector_is_held_to_the_contract(kind: type) -> None:
    module = kind.__module__.removeprefix(f"{FOLDER}.").split(".")[0]
    test = Path(__file__).with_name(f"test_{module}.py").read_text()

    assert "(CollectorSuite)" in test
    assert f"kind = {kind.__name__}" in test


def test_a_collector_is_made_from_its_settings() -> None:
    made = collector_from_settings("bot-daemon", {"kind": "daemon", "url": "http://127.0.0.1:9/", "period_s": 3})

    assert made == DaemonCollector(url="http://127.0.0.1:9/", period_s=3.0)


@pytest.mark.parametrize(
    ("fields", "message", "path"),
    [
        ({}, "collectors.x.kind: is missing; allowed are daemon, exchange, pipeline, feed, host, process", ("kind",)),
        ({"kind": "demon"}, "collectors.x.kind: 'demon' is not known; allowed are daemon,", ("kind",)),
        ({"kind": 5}, "collectors.x.kind: '5' is not known", ("kind",)),
        ({"kind": "daemon"}, "collectors.x.url: is missing; Address that answers", ()),
        ({"kind": "daemon", "url": 5}, "collectors.x.url: '5' is not a text", ("url",)),
        (
            {"kind": "daemon", "url": "u", "perod_s": 5},
            "collectors.x.perod_s: a daemon collector has no such setting; allowed are kind, url, ",
            ("perod_s",),
        ),
        (
            {"kind": "daemon", "url": "u", "period_s": "5"},
            "collectors.x.period_s: '5' is not a number above 0 and up to 86400",
            ("period_s",),
        ),
        ({"kind": "daemon", "url": "u", "period_s": 0}, "collectors.x.period_s: '0' is not a number above 0", ("period_s",)),
        ({"kind": "daemon", "url": "u", "period_s": True}, "collectors.x.period_s: 'True' is not a number", ("period_s",)),
        ({"kind": "daemon", "url": ["http://a:b@c/"]}, "collectors.x.url: .* is not a text", ("url",)),
        (
            {"kind": "pipeline", "url": "u", "counts": "total"},
            "collectors.x.counts: 'total' is not one of 'interval', 'cumulative'",
            ("counts",),
        ),
        (
            {"kind": "feed", "venue": "okx", "symbols": "BTC/USDT"},
            "collectors.x.symbols: 'BTC/USDT' is not a list of a text each",
            ("symbols",),
        ),
        ({"kind": "feed", "venue": "nowhere", "symbols": ["BTC/USD"]}, "collectors.x.venue: 'nowhere' has no feed; allowed: ", ("venue",)),
        ({"kind": "process", "process": "bot"}, "collectors.x.name: give at least one of name, command, pid_file", ("name",)),
        ({"kind": "process", "process": "bot", "command": "("}, r"collectors.x.command: '\(' is no regular expression", ("command",)),
        (
            {"kind": "host", "_worker": 1},
            "collectors.x._worker: a host collector has no such setting; allowed are kind, path, period_s",
            ("_worker",),
        ),
    ],
)
def test_wrong_settings_are_named_with_what_is_allowed(fields: dict[str, object], message: str, path: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        collector_from_settings("x", fields)
    assert caught.value.path == ("collectors", "x", *path)


@pytest.mark.parametrize("name", ["", "a b", "a\n", "-x", "x" * 64])
def test_a_name_is_a_word(name: str) -> None:
    with pytest.raises(ConfigError, match="a name takes letters, digits"):
        collector_from_settings(name, {"kind": "host"})


def test_a_list_of_the_settings_becomes_a_tuple() -> None:
    made = collector_from_settings("f", {"kind": "feed", "venue": "coinbase", "symbols": ["BTC/USD", "ETH/USD"]})

    assert isinstance(made, FeedCollector)
    assert made.symbols == ("BTC/USD", "ETH/USD")
