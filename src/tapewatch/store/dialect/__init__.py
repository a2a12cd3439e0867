"""Tables and questions as SQL: the only place that writes it. Names come from the catalogue, values are always bound."""

from tapewatch.store.dialect.aggregate import aggregate, has_quantiles
from tapewatch.store.dialect.base import ARRIVAL, Dialect, has_arrival, order_key
from tapewatch.store.dialect.duckdb import DuckDBDialect
from tapewatch.store.dialect.families import Rollup
from tapewatch.store.dialect.rolling import Span, pays, roll_rows, roll_tier
from tapewatch.store.dialect.shapes import candidates, extent, latest, moments, raw
from tapewatch.store.dialect.statement import Binder, Form, Output, Statement, form_of

__all__ = [
    "ARRIVAL",
    "Binder",
    "Dialect",
    "DuckDBDialect",
    "Form",
    "Output",
    "Rollup",
    "Span",
    "Statement",
    "aggregate",
    "candidates",
    "extent",
    "form_of",
    "has_arrival",
    "has_quantiles",
    "latest",
    "moments",
    "order_key",
    "pays",
    "raw",
    "roll_rows",
    "roll_tier",
]
