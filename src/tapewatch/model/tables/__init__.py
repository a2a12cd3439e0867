"""All built-in tables, one file per family."""

from __future__ import annotations

from tapewatch.model.table import Table
from tapewatch.model.tables import infrastructure, market
from tapewatch.model.tables import self as own

TABLES: tuple[Table, ...] = (*infrastructure.TABLES, *market.TABLES, *own.TABLES)
