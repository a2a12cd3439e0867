"""The OpenAPI description, told as this server really answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of all operations; built once and kept.

    The framework lists a 422 for bad parameters that `tapewatch.surfaces.web.errors` answers as a 400 instead: it is left out.
    """
    if app.openapi_schema:
        return app.openapi_schema
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for methods in found["paths"].values():
        for operation in methods.values():
            answers: dict[str, Any] = operation.get("responses", {})
            if "HTTPValidationError" in str(answers.get("422")):
                del answers["422"]
    for name in _FRAMEWORKS_OWN:
        found["components"]["schemas"].pop(name, None)
    app.openapi_schema = found
    return found
