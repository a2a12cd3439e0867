"""A finished statement, what its columns hold, and how values get into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tapewatch.model.table import CODED, NUMERIC, Column, Kind


class Form(StrEnum):
    """How the values of an answer's column are held in memory (see `tapewatch.model.rows.RowBatch`)."""

    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"
    WORD = "word"
    SKETCH = "sketch"


def form_of(column: Column) -> Form:
    """The form of a table's column."""
    if column.kind in NUMERIC:
        return Form.NUMBER
    if column.kind in CODED:
        return Form.WORD
    return {Kind.TIME: Form.TIME, Kind.FLAG: Form.FLAG, Kind.SKETCH: Form.SKETCH}[column.kind]


@dataclass(frozen=True, slots=True)
class Output:
    """One column of an answer.

    Attributes:
        name: As the asker knows it.
        label: As the statement calls it.
        form: What its values are.
    """

    name: str
    label: str
    form: Form


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with its bound values.

    Attributes:
        sql: One statement.
        parameters: Placeholder name to value.
        outputs: The columns of the answer, in their order.
        newest: Label of the column that says, or whose largest value is, the newest ``ts`` that matched; empty when none does.
        behind: Label of the column that says how many rows were read; empty when none does.
        has_totals: Whether ``behind`` speaks of all rows read in every row of the answer, not of those behind that row.
        position: Labels of the columns that make a cursor of a row.
        mixed: Label of the column that says whether a row mixes several sources, which makes the answer void; empty when none can.
    """

    sql: str
    parameters: dict[str, Any]
    outputs: tuple[Output, ...] = ()
    newest: str = ""
    behind: str = ""
    has_totals: bool = False
    position: tuple[str, ...] = ()
    mixed: str = ""


class Binder:
    """Collects the values of one statement under names of their own; equal values share one."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[type, Any], str] = {}

    def bind(self, value: str | float | bool) -> str:  # noqa: FBT001 - a flag is a value like any other here
        """Keep a value; return the name of its placeholder."""
        key = (type(value), value)
        name = self._names.setdefault(key, f"p{len(self._names)}")
        self.values[name] = value
        return name

    def bind_list(self, values: Sequence[int]) -> str:
        """Keep many values as one; return the name of its placeholder."""
        name = f"l{len(self.values)}"
        self.values[name] = list(values)
        return name
