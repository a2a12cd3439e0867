"""Wide buckets keep their extremes: beside each number of a chart stand the smallest and the largest of its bucket. Pure."""

from __future__ import annotations

from dataclasses import replace

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.table import NUMERIC, Kind, Table

LOW, HIGH = "__low", "__high"
"""Endings of the names of the two edges; what stands before them is the name of the measure."""
WIDE_US = 60 * US_PER_S
"""From this width on a largest or smallest value gets the other edge too; narrower buckets hold few rows."""
_MIDDLES = frozenset({Function.AVG, Function.FIRST, Function.LAST})
_EXTREMES = frozenset({Function.MIN, Function.MAX})
_ADDED_UP = frozenset({Kind.COUNTER, Kind.INTERVAL})


def enveloped(query: Query, table: Table) -> Query:
    """The question with both edges of every measure that one number per bucket would hide something of.

    A mean, a first and a last value hide both extremes, whatever the bucket; a largest value hides the smallest, and the other way
    round. What adds up (sums, counts, rates, increases) and what is a state has no edges.
    """
    if query.mode is not Mode.AGGREGATE or query.bucket_us is None:
        return query
    edges = [edge for measure in query.measures if _has_edges(measure, query.bucket_us, table) for edge in _edges(measure)]
    return replace(query, measures=(*query.measures, *edges)) if edges else query


def _has_edges(measure: Measure, bucket_us: int, table: Table) -> bool:
    column = table.column.get(measure.column)
    if column is None or column.kind not in NUMERIC - _ADDED_UP:
        return False
    return measure.function in _MIDDLES or (measure.function in _EXTREMES and bucket_us >= WIDE_US)


def _edges(measure: Measure) -> tuple[Measure, Measure]:
    return (
        Measure(Function.MIN, measure.column, alias=measure.name + LOW),
        Measure(Function.MAX, measure.column, alias=measure.name + HIGH),
    )
