"""Tags, states, ids and texts at the border; venues and symbols as tapewatch writes them."""

from enum import Enum, StrEnum

import pytest

from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.rows import RawBatch
from tapewatch.model.table import Column, Identity, Kind, Table, gauge
from tapewatch.model.venue import Names
from tests.ingest.judging import DEFAULTS, NOW_US, flags, judge, reasons, values


@pytest.mark.parametrize("tag", ["", "   ", "a\nb", "a\x00", "\x7f", "x" * 256, "\ud800"])
def test_a_bad_tag_refuses_the_row(tag: str) -> None:
    judged = judge([{"daemon": tag, "fetches": 1}, {"daemon": "x" * 255}], "daemon")

    assert reasons(judged) == [(0, None, "bad_tag")]
    assert values(judged, "daemon") == ["x" * 255]


@pytest.mark.parametrize("tag", [1, True, 1.5, [], {"a": 1}, b"x"])
def test_a_tag_is_text(tag: object) -> None:
    judged = judge([{"daemon": tag}, {"daemon": "d"}], "daemon")

    assert reasons(judged) == [(0, None, "wrong_type")]
    assert values(judged, "daemon") == ["d"]


def test_a_missing_tag_refuses_the_row() -> None:
    judged = judge([{"fetches": 1}, {"daemon": "d", "fetches": 2}, {"daemon": None, "fetches": 3}], "daemon")

    assert reasons(judged) == [(0, None, "missing_tag"), (2, None, "missing_tag")]
    assert "daemon needs the tag daemon" in judged.refusals[0].message
    assert values(judged, "fetches") == [2.0]


def test_environment_host_and_source_fall_back_to_the_sender() -> None:
    judged = judge([{}, {"env": "paper", "host": "h9", "source": "other"}])

    assert values(judged, "env") == ["live", "paper"]
    assert values(judged, "host") == ["h1", "h9"]
    assert values(judged, "source") == ["bot", "other"]


def test_a_sender_without_a_host_gives_unknown() -> None:
    assert values(judge([{}], defaults=Defaults("bot")), "host") == ["unknown"]


def test_a_host_is_left_out_where_the_table_has_none() -> None:
    judged = judge([{"venue": "okx", "symbol": "BTC/USDT:USDT", "rate": 0.1, "host": "h2"}], "funding_rate")

    assert judged.batch is not None
    assert "host" not in judged.batch.columns
    assert judged.refused_total == 0


def test_a_bad_name_of_the_sender_refuses_the_rows_that_rely_on_it() -> None:
    judged = judge([{}, {"source": "good"}], defaults=Defaults("bad\nname"))

    assert reasons(judged) == [(0, None, "bad_tag")]
    assert values(judged, "source") == ["good"]
    assert reasons(judge([{}], defaults=Defaults("x" * 300))) == [(0, None, "bad_tag")]


def test_states_are_checked() -> None:
    judged = judge([{"check": "c", "kind": "success"}, {"check": "c", "kind": "SUCCESS"}, {"check": "c", "kind": 1}], "heartbeat")

    assert values(judged, "kind") == ["success", None, None]
    assert reasons(judged) == [(2, "kind", "wrong_type"), (1, "kind", "unknown_state")]
    assert "kind takes success, start, log, fail" in judged.refusals[1].message
    assert flags(judged) == [None, {"kind": "unknown_state"}, {"kind": "wrong_type"}]


class Word(StrEnum):
    OKX = "okx"


class OldWord(str, Enum):  # noqa: UP042 - what code before Python 3.11 has
    OKX = "okx"


@pytest.mark.parametrize("word", [Word.OKX, OldWord.OKX], ids=["StrEnum", "str and Enum"])
def test_an_enumeration_gives_its_value(word: str) -> None:
    judged = judge([{"venue": word}, {"venue": "okx"}])

    assert values(judged, "venue") == ["okx", "okx"]
    assert all(type(value) is str for value in values(judged, "venue"))


def test_a_long_text_is_shortened_and_noted() -> None:
    judged = judge([{"daemon": "d", "last_error": "é" * 9000}, {"daemon": "d", "last_error": "short"}], "daemon")

    assert values(judged, "last_error") == ["é" * 4096, "short"]
    assert flags(judged) == [{"last_error": "shortened"}, None]
    assert judged.noted == {"shortened": 1}


def test_characters_that_no_store_keeps_are_replaced_and_noted() -> None:
    judged = judge([{"daemon": "d", "last_error": "a\x00b\ud800c\n\tü"}], "daemon")

    assert values(judged, "last_error") == ["a\ufffdb\ufffdc\n\tü"]
    assert judged.noted == {"replaced_characters": 1}


def test_venues_and_symbols_are_normalised() -> None:
    judged = judge(
        [
            {"venue": "Binance_Futures", "symbol": "BTCUSDT", "data_type": "funding"},
            {"venue": "binance", "symbol": "btcusdt", "data_type": "funding"},
            {"venue": "kraken", "symbol": "XBT/USD", "data_type": "funding"},
            {"venue": "OKX", "symbol": "ETH-USDT-SWAP", "data_type": "funding"},
        ],
        "pipeline",
    )

    assert values(judged, "venue") == ["binance_usdm", "binance", "kraken", "okx"]
    assert values(judged, "symbol") == ["BTC/USDT:USDT", "BTC/USDT", "BTC/USD", "ETH/USDT:USDT"]
    assert flags(judged) == [None] * 4


def test_unknown_venues_and_symbols_are_kept_and_flagged() -> None:
    judged = judge(
        [
            {"venue": "NewVenue", "symbol": "??", "data_type": "x"},
            {"venue": "okx", "symbol": "??", "data_type": "x"},
            {"venue": "okx", "symbol": "*", "data_type": "x"},
        ],
        "pipeline",
    )

    assert values(judged, "venue") == ["newvenue", "okx", "okx"]
    assert values(judged, "symbol") == ["??", "??", "*"]
    assert flags(judged) == [{"venue": "unknown_venue", "symbol": "unknown_symbol"}, {"symbol": "unknown_symbol"}, None]
    assert judged.noted == {"unknown_venue": 1, "unknown_symbol": 2}


def test_a_rows_missing_venue_does_not_confuse_its_symbol() -> None:
    judged = judge([{"symbol": "BTCUSDT", "data_type": "x"}, {"venue": "binance_usdm", "symbol": "BTCUSDT", "data_type": "x"}], "pipeline")

    assert reasons(judged) == [(0, None, "missing_tag")]
    assert values(judged, "symbol") == ["BTC/USDT:USDT"]


DEALS = Table(
    "deals",
    "One deal.",
    (
        Column("deal_id", Kind.ID, "Id of the deal."),
        gauge("price", "price", "Its price."),
        Column("size", Kind.GAUGE, "Size.", nullable=False),
    ),
    identity=Identity.EVENT,
    id_column="deal_id",
)


def test_an_id_is_text_or_an_integer_and_without_it_or_a_required_value_there_is_no_row() -> None:
    rows = [
        {"deal_id": 12345678901234567890, "size": 1},
        {"deal_id": "a-1", "size": 2},
        {"size": 3},
        {"deal_id": True, "size": 4},
        {"deal_id": "a-2"},
        {"deal_id": "a-3", "size": "big"},
    ]
    judged = validate(RawBatch.of("deals", rows), DEALS, names=Names(), now_us=NOW_US, defaults=DEFAULTS)

    assert values(judged, "deal_id") == ["12345678901234567890", "a-1"]
    assert sorted(reasons(judged)) == [
        (2, None, "missing_value"),
        (3, None, "wrong_type"),
        (4, None, "missing_value"),
        (5, None, "wrong_type"),
    ]
