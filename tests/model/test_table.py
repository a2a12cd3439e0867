from collections.abc import Callable

import pytest

from tapewatch.errors import ContractError
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import Column, Identity, Kind, Table, gauge, tag


def test_every_table_and_column_has_a_sentence_and_every_number_a_unit() -> None:
    for table in Catalog().values():
        assert table.sentence.endswith(".")
        for column in table.all_columns:
            assert column.sentence.endswith(".")
            assert column.unit


def test_units_stand_in_the_names() -> None:
    suffixes = {"ms": "_ms", "s": "_s", "bytes": "bytes", "h": "_h"}
    for table in Catalog().values():
        for column in table.columns:
            suffix = suffixes.get(column.unit)
            if suffix and column.kind is not Kind.SKETCH:
                assert column.name.endswith(suffix), f"{table.name}.{column.name}"


def test_env_and_source_belong_to_every_identity_of_measurements() -> None:
    for table in Catalog().values():
        if table.identity is Identity.MEASUREMENT:
            assert {"ts", "env", "source"} <= set(table.identity_columns)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Column("Latency", Kind.GAUGE, "A."), "must match"),
        (lambda: Column("latency", Kind.GAUGE, "A.", unit="furlong"), "furlong"),
        (lambda: Column("latency", Kind.STATE, "A."), "list of states"),
        (lambda: Column("latency", Kind.GAUGE, "no stop"), "full stop"),
        (lambda: Table("t", "A row.", (tag("a", "A."), tag("a", "A."))), "twice"),
        (lambda: Table("t", "A row.", (gauge("ts", "ms", "A."),)), "built-in"),
        (lambda: Table("t", "A row.", (tag("a", "A."),), identity=Identity.EVENT), "id_column"),
    ],
)
def test_a_wrong_definition_is_refused_at_import(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        build()
