import zlib

from tapewatch.desk.text_book import TextBook


def filled(levels: int = 12) -> TextBook:
    book = TextBook()
    book.apply("a", [(f"{100 + i}.00", f"{i + 1}.000", "1.000000") for i in range(levels)])
    book.apply("b", [(f"{99 - i}.00", f"{i + 1}.500", "1.000000") for i in range(levels)])
    return book


def test_checksum_of_the_venues_own_example() -> None:
    # Kraken, "WebSockets API v1, Book checksum": asks 0.05005 to 0.05050, bids 0.05000 to 0.04950 without 0.04985
    book = TextBook()
    book.apply("a", [(f"0.0{5005 + 5 * i}", "0.00000500", "1.0") for i in range(10)])
    book.apply("b", [(f"0.{price:05d}", "0.00000500", "1.0") for price in range(4950, 5001, 5) if price != 4985])
    assert book.checksum() == 974947235


def test_checksum_covers_ten_levels_of_each_side() -> None:
    book = filled()
    asks = "".join(f"{100 + i}00" + f"{i + 1}000" for i in range(10))
    bids = "".join(f"{99 - i}00" + f"{i + 1}500" for i in range(10))
    assert book.checksum() == zlib.crc32((asks + bids).encode())
    before = book.checksum()
    book.apply("a", [("111.00", "9.000", "2.000000")])
    assert book.checksum() == before


def test_volume_zero_removes_a_level_and_an_unknown_one_is_no_error() -> None:
    book = filled(2)
    book.apply("a", [("100.00", "0.000", "2.0"), ("555.00", "0.000", "2.0")])
    assert [level[0] for level in book.best("a", 9)] == ["101.00"]


def test_a_level_that_moves_up_is_sent_again() -> None:
    told = filled().apply_at("a", [("100.00", "0.000", "2.0")], (10, 25))
    assert told[10] == [("100.00", "0.000", "2.0"), ("110.00", "11.000", "1.000000", "r")]
    assert told[25] == [("100.00", "0.000", "2.0")]


def test_a_change_below_the_depth_is_not_told() -> None:
    assert filled().apply_at("b", [("88.00", "7.000", "2.0")], (10,))[10] == []
