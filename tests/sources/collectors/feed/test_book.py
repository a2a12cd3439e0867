"""The kept book equals a book that is rebuilt from scratch, and its checksum is the documented one."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.book import Book
from tapewatch.sources.collectors.feed.venues.base import Checksum
from tapewatch.sources.collectors.feed.venues.common import asks_then_bids
from tapewatch.sources.collectors.feed.venues.kraken_v1 import KrakenV1

CHECK = Checksum(10, asks_then_bids)

levels = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)


def written(changes: list[tuple[int, int]]) -> list[list[str]]:
    return [[f"{price / 1000:.5f}", f"{quantity}.00000000"] for price, quantity in changes]


def expected(history: list[list[tuple[int, int]]], sign: int, depth: int) -> dict[int, int]:
    """The side after all changes, by brute force."""
    side: dict[int, int] = {}
    for changes in history:
        for price, quantity in changes:
            side.pop(price, None)
            if quantity:
                side[price] = quantity
        side = {price: side[price] for price in sorted(side, key=lambda price: sign * price)[:depth]}
    return side


@given(st.lists(st.tuples(levels, levels), max_size=20), st.integers(1, 30))
def test_changes_lead_to_the_same_book_as_rebuilding_it(
    messages: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]], depth: int
) -> None:
    entry = KrakenV1().book_entry
    book = Book(depth, entry, CHECK)
    for index, (asks, bids) in enumerate(messages):
        book.change(written(asks), written(bids))
        sides = [expected([message[which] for message in messages[: index + 1]], sign, depth) for which, sign in ((0, 1), (1, -1))]
        text = "".join(entry(*level) for side in sides for level in written(list(side.items()))[: CHECK.levels])
        assert book.checksum() == zlib.crc32(text.encode())
        assert book.is_crossed == (bool(sides[0]) and bool(sides[1]) and max(sides[1]) >= min(sides[0]))


def test_the_checksum_is_the_one_of_the_venues_documentation() -> None:
    # Spot WebSockets (v1) book checksum, docs.kraken.com: the example book and its checksum
    asks = ["0.05005", "0.05010", "0.05015", "0.05020", "0.05025", "0.05030", "0.05035", "0.05040", "0.05045", "0.05050"]
    bids = ["0.05000", "0.04995", "0.04990", "0.04980", "0.04975", "0.04970", "0.04965", "0.04960", "0.04955", "0.04950"]
    book = Book(10, KrakenV1().book_entry, CHECK)
    book.replace([[price, "0.00000500"] for price in asks], [[price, "0.00000500"] for price in bids])
    assert book.checksum() == 974947235


def test_a_snapshot_replaces_everything() -> None:
    book = Book(None, KrakenV1().book_entry)
    book.replace([["2.0", "1.0"]], [["1.0", "1.0"]])
    book.change([["1.5", "1.0"]], [])
    book.replace([["3.0", "1.0"]], [["2.5", "1.0"]])
    assert (book.asks.keys[0], -book.bids.keys[0]) == (3.0, 2.5)


@pytest.mark.parametrize(("bid", "is_crossed"), [("1.0", False), ("2.0", True), ("2.1", True)])
def test_only_a_bid_at_or_above_the_ask_is_crossed(bid: str, *, is_crossed: bool) -> None:
    book = Book(None, KrakenV1().book_entry)
    book.replace([["2.0", "1.0"]], [[bid, "1.0"]])
    assert book.is_crossed is is_crossed
