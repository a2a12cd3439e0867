from tapewatch.desk.daemon.trade_chain import TradeChain


def taken(*trades: tuple[int | None, float]) -> list[float | None]:
    chain = TradeChain()
    return [chain.take(number, at_s) for number, at_s in trades]


def test_trades_in_order_have_no_gap() -> None:
    assert taken((5, 0), (6, 1), (7, 9), (8, 10)) == [None] * 4


def test_a_hole_is_a_gap_once_it_is_certain() -> None:
    assert taken((5, 0), (8, 4), (9, 5), (10, 6.5), (11, 7)) == [None, None, None, 4, None]


def test_trades_that_overtake_each_other_are_no_gap() -> None:
    assert taken((5, 0), (7, 1), (6, 1.1), (8, 4), (9, 8)) == [None] * 5


def test_a_repeated_trade_is_no_gap() -> None:
    assert taken((5, 0), (6, 1), (6, 1), (7, 5), (8, 9)) == [None] * 5


def test_a_venue_that_counts_nothing_has_no_gaps() -> None:
    assert taken((None, 0), (None, 60), (None, 61)) == [None] * 3


def test_a_lost_connection_is_a_gap_since_the_last_trade() -> None:
    chain = TradeChain()
    assert chain.restart(0) is None
    chain.take(5, 1)
    assert chain.restart(11) == 10
    assert chain.take(90, 12) is None
    assert chain.take(91, 20) is None


def test_a_huge_hole_is_bounded() -> None:
    chain = TradeChain()
    chain.take(1, 0)
    chain.take(10**9, 1)
    assert len(chain._missing) == 1000
    assert chain.take(10**9 + 1, 4) == 1
