"""Rates that need no store: an interval column's amount per second, and rates per minute or hour. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.rows import Coded, TypedColumn
from tapewatch.model.table import Kind, Table
from tapewatch.store.base import Answer


def with_sums(query: Query, table: Table) -> Query:
    """The question for the store: a rate of an interval column is asked as its sum, under the rate's name."""
    return replace(query, measures=tuple(_asked(measure, table) for measure in query.measures))


def _asked(measure: Measure, table: Table) -> Measure:
    if measure.function is not Function.RATE:
        return measure
    if table.column[measure.column].kind is Kind.INTERVAL:
        return Measure(Function.SUM, measure.column, alias=measure.name)
    return replace(measure, argument=None, alias=measure.name)


def scaled(answer: Answer, query: Query, table: Table) -> Answer:
    """The answer with its rates in the unit that was asked for."""
    columns: dict[str, TypedColumn] = dict(answer.columns)
    start_us = query.start_us if answer.start_us is None else answer.start_us
    end_us = query.end_us if answer.end_us is None else answer.end_us
    span_s = (query.bucket_us or end_us - start_us) / US_PER_S
    for measure in query.measures:
        values = columns.get(measure.name)
        if measure.function is not Function.RATE or values is None or isinstance(values, Coded):
            continue
        per_s = 1 / span_s if table.column[measure.column].kind is Kind.INTERVAL else 1.0
        columns[measure.name] = np.asarray(values, np.float64) * (per_s * float(measure.argument or 1))
    return replace(answer, columns=columns)
