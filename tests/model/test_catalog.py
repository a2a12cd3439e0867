import json
from typing import Any

import pytest

from tapewatch.errors import ConfigError
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import Table, tag
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
    with pytest.raises(ConfigError, match="exchange"):
        Catalog().with_tables([Table("exchange", "Mine.", (tag("a", "A."),))])
