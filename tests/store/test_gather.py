from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.rows import RowBatch
from tapewatch.store.backends.memory.rows import rows_of
from tapewatch.store.gather import gather
from tapewatch.testing.stores.questions import row_groups
from tapewatch.testing.stores.tables import SAMPLE, batch


@given(row_groups(SAMPLE), st.sampled_from(list(SAMPLE.column)))
def test_gathered_rows_are_the_rows_of_the_batches_in_their_order(groups: list[list[dict[str, Any]]], left_out: str) -> None:
    batches = [batch(SAMPLE, rows) for rows in groups]
    lacking = {name: values for name, values in batches[0].columns.items() if name != left_out}
    batches.append(RowBatch("sample", batches[0].count, lacking))

    gathered = gather(SAMPLE, batches)

    assert rows_of(SAMPLE, gathered) == [row for each in batches for row in rows_of(SAMPLE, each)]


def test_a_single_batch_is_passed_on_as_it_is() -> None:
    single = batch(SAMPLE, [{"level": 1.0}])
    assert gather(SAMPLE, [single]) is single
