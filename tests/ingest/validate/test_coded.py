"""Words that come coded are judged as the same words one by one, and so are arrays of numbers with NaN for what is missing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Coded, RawBatch
from tapewatch.model.venue import Names

CATALOG = Catalog()
NOW_US = 1_764_000_000_000_000
WORDS = st.lists(st.sampled_from(["okx", "XBTUSD", "BTC/USDT", "", " ", "a\nb", "x" * 300, "up", None]), min_size=1, max_size=12)


@given(st.data(), WORDS)
def test_coded_words_are_judged_as_plain_ones(data: st.DataObject, venues: list[str | None]) -> None:
    same = st.lists(st.sampled_from(["okx", "BTC/USDT", "", None, "a\0b"]), min_size=len(venues), max_size=len(venues))
    plain: dict[str, list[str | None]] = {
        "venue": venues,
        **{name: data.draw(same) for name in ("symbol", "data_type", "source", "host", "env")},
    }
    plain |= {"colour": data.draw(same), "latency_ms": data.draw(same), "gap": data.draw(same)}
    for table in ("pipeline", "exchange", "nowhere"):
        judged = [
            validate(batch, CATALOG.get(table), names=Names(), now_us=NOW_US, defaults=Defaults("bot"))
            for batch in (RawBatch(table, dict(plain)), RawBatch(table, {name: Coded.of(words) for name, words in plain.items()}))
        ]
        assert judged[0].refusals == judged[1].refusals
        assert judged[0].noted == judged[1].noted
        assert sorted(map(str, judged[0].tallies)) == sorted(map(str, judged[1].tallies))
        kept = [None if outcome.batch is None else outcome.batch for outcome in judged]
        assert (kept[0] is None) == (kept[1] is None)
        if kept[0] is not None and kept[1] is not None:
            assert {name: list(kept[0].coded(name)) for name in kept[0].columns if isinstance(kept[0].columns[name], Coded)} == {
                name: list(kept[1].coded(name)) for name in kept[1].columns if isinstance(kept[1].columns[name], Coded)
            }


def test_nan_in_an_array_of_an_unknown_column_is_a_missing_value() -> None:
    batch = RawBatch("exchange", {"venue": ["okx", "kraken"], "colour": np.array([np.nan, 1.0])})
    judged = validate(batch, CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=Defaults("bot"))
    assert [(refusal.row, refusal.reason) for refusal in judged.refusals] == [(1, "unknown_column")]
