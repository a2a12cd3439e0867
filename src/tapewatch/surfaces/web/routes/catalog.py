"""``/api/catalog``: every table, column and unit, as data."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Response

from tapewatch.model.query import functions_of
from tapewatch.model.table import Column, Table
from tapewatch.model.unit import UNITS
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.catalog import CatalogOut


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])
    units = {
        unit.name: {
            "name": unit.name,
            "suffix": unit.suffix,
            "decimals": unit.decimals,
            "scale": unit.scale,
            "per_unit_s": unit.per_unit_s,
        }
        for unit in UNITS
    }

    @routes.get("/api/catalog", response_model=CatalogOut)
    async def read_catalog() -> Response:
        """Every table with its columns, their kinds, units and sentences."""
        body = orjson.dumps({"tables": [_table(table) for table in parts.catalog.values()], "units": units})
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return routes


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "sentence": table.sentence,
        "retention": table.retention,
        "columns": [_column(column) for column in table.all_columns],
    }


def _column(column: Column) -> dict[str, Any]:
    limits = column.thresholds
    return {
        "name": column.name,
        "kind": column.kind,
        "unit": column.unit,
        "sentence": column.sentence,
        "nullable": column.nullable,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "functions": functions_of(column.kind),
        "states": [{"name": state.name, "status": state.status} for state in column.states],
        "thresholds": None if limits is None else {"degraded": limits.degraded, "down": limits.down, "above": limits.above},
    }
