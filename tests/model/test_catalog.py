import json
from typing import Any

import pytest

from tapewatch.errors import ConfigError
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import Table, Thresholds, tag
from tests.sizes import ROOT

GOLDEN = ROOT / "tests" / "golden" / "catalog.json"


def as_json(table: Table) -> dict[str, Any]:
    columns = {column.name: f"{column.kind} {column.unit}" for column in table.all_columns}
    return {"identity": list(table.identity_columns), "retention_days": table.retention.raw_days, "columns": columns}


def test_the_catalogue_is_what_the_golden_file_says() -> None:
    """A change here is a change of what people have stored: if it is meant, delete the file and run this test twice."""
    text = json.dumps({name: as_json(table) for name, table in Catalog().items()}, indent=1) + "\n"
    if not GOLDEN.exists():
        GOLDEN.write_text(text)
        pytest.fail(f"{GOLDEN.name} was missing and has been written: look at it and commit it")
    assert text == GOLDEN.read_text()


def test_a_built_in_table_cannot_be_replaced() -> None:
    with pytest.raises(ConfigError, match="exchange") as refused:
        Catalog().with_tables([Table("exchange", "Mine.", (tag("a", "A."),))])
    assert refused.value.path == ("tables", "exchange")


def test_thresholds_of_ones_own_replace_a_columns_line_and_nothing_else() -> None:
    own = Catalog().with_thresholds({"exchange.latency_ms": Thresholds(10, 20), "host.load_1m": Thresholds(degraded=8)})
    assert own["exchange"].column["latency_ms"].thresholds == Thresholds(10, 20)
    assert own["host"].column["load_1m"].is_judged
    assert own["pipeline"] is Catalog()["pipeline"]
    assert [column.name for column in own["exchange"].all_columns] == [column.name for column in Catalog()["exchange"].all_columns]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("exchanges.latency_ms", "there is no table 'exchanges'"),
        ("latency_ms", "write table.column, such as exchange.latency_ms"),
        ("exchange.latency", "no column of numbers 'latency'; it has latency_ms, reconnects, time_call_errors, rate_limit_ratio"),
        ("exchange.connected", "no column of numbers 'connected'"),
    ],
)
def test_a_threshold_for_something_that_is_no_number_is_refused(key: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Catalog().with_thresholds({key: Thresholds(1, 2)})
    assert words in str(refused.value)
    assert refused.value.path == ("thresholds", key)
