"""Tables and questions as SQL: the only place that writes it. Names come from the catalogue, values are always bound."""

from tapewatch.store.dialect.aggregate import aggregate
from tapewatch.store.dialect.base import ARRIVAL, Dialect, has_arrival, order_key
from tapewatch.store.dialect.duckdb import DuckDBDialect
from tapewatch.store.dialect.shapes import candidates, extent, latest, moments, raw
from tapewatch.store.dialect.statement import Form, Output, Statement, form_of

__all__ = [
    "ARRIVAL",
    "Dialect",
    "DuckDBDialect",
    "Form",
    "Output",
    "Statement",
    "aggregate",
    "candidates",
    "extent",
    "form_of",
    "has_arrival",
    "latest",
    "moments",
    "order_key",
    "raw",
]
