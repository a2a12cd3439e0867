import json
import tomllib

import pytest

from tapewatch.desk import Addresses, VenueAddress, desk_settings

ADDRESSES = Addresses(
    (
        VenueAddress("binance_usdm", "ws://127.0.0.1:5140/stream", ("BTC/USDT:USDT", "ETH/USDT:USDT"), "http://127.0.0.1:5140/time"),
        VenueAddress("kraken", "ws://127.0.0.1:5142/", ("BTC/USD",)),
    ),
    "http://127.0.0.1:5143",
)


def test_one_line_of_json_comes_back_as_it_was() -> None:
    line = ADDRESSES.to_json()
    assert "\n" not in line
    assert Addresses.from_json(line) == ADDRESSES


def test_another_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not the addresses of a desk"):
        Addresses.from_json('{"hello":1}')


def test_settings_are_toml_with_one_feed_per_venue() -> None:
    collectors = tomllib.loads(desk_settings(ADDRESSES))["collectors"]
    assert collectors == {
        "feed-binance_usdm": {
            "kind": "feed",
            "venue": "binance_usdm",
            "url": "ws://127.0.0.1:5140/stream",
            "symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
            "channels": ["trade", "book", "ticker"],
            "time_url": "http://127.0.0.1:5140/time",
        },
        "feed-kraken": {
            "kind": "feed",
            "venue": "kraken_v1",
            "url": "ws://127.0.0.1:5142/",
            "symbols": ["BTC/USD"],
            "channels": ["trade", "book", "ticker"],
        },
    }


def test_polling_collectors_are_added_only_when_asked_for() -> None:
    collectors = tomllib.loads(desk_settings(ADDRESSES, http_collectors=True))["collectors"]
    assert {name: entry["url"] for name, entry in collectors.items() if entry["kind"] != "feed"} == {
        "desk-daemon": "http://127.0.0.1:5143/status",
        "desk-exchange": "http://127.0.0.1:5143/exchanges",
        "desk-pipeline": "http://127.0.0.1:5143/pipeline",
    }


def test_the_decoded_line_of_the_desk_serves_as_well() -> None:
    assert desk_settings(json.loads(ADDRESSES.to_json())) == desk_settings(ADDRESSES)
