"""The one mapping from exceptions to HTTP: a status, and ``{"error": {"code", "message"}}``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tapewatch.errors import (
    ConfigError,
    ContractError,
    DeliveryError,
    QueryError,
    SenderError,
    SourceError,
    StoreError,
    StoreRejected,
    StoreUnavailable,
    TapewatchError,
    TooFast,
    WrongSource,
)

STATUS: Mapping[type[TapewatchError], int] = {
    ConfigError: 500,
    SourceError: 502,
    SenderError: 403,
    TooFast: 429,
    WrongSource: 403,
    StoreError: 503,
    StoreUnavailable: 503,
    StoreRejected: 422,
    QueryError: 400,
    DeliveryError: 502,
    ContractError: 500,
    TapewatchError: 500,
}
"""HTTP status per class of `tapewatch.errors`; a subclass has its nearest parent's."""

_CODES = {400: "bad_request", 401: "token_needed", 403: "refused", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
INTERNAL = "tapewatch met an error of its own; the server's log has the details"


class RequestRefused(HTTPException):
    """A request that is refused before or while it is read.

    Args:
        status: HTTP status.
        code: Stable name of the reason.
        message: What happened, with the value and what is allowed.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.code = code


def status_of(error: TapewatchError) -> int:
    """HTTP status of an error of the tree."""
    return next(STATUS[parent] for parent in type(error).__mro__ if parent in STATUS)


def error_body(code: str, message: str) -> bytes:
    """The one form of every error, as JSON."""
    return orjson.dumps({"error": {"code": code, "message": message}})


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in the one form of every error."""
    return Response(error_body(code, message), status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def response_to(error: Exception) -> Response:
    """The answer to any exception; what is not of the tree is answered without its text."""
    if isinstance(error, StoreUnavailable | TooFast):
        wait = {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
        return error_response(status_of(error), error.code, str(error), wait)
    if isinstance(error, TapewatchError):
        return error_response(status_of(error), error.code, str(error))
    if isinstance(error, RequestRefused):
        return error_response(error.status_code, error.code, error.detail, error.headers)
    if isinstance(error, RequestValidationError):
        return error_response(400, "bad_request", _first_problem(error))
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, HTTPStatus(error.status_code).phrase.lower().replace(" ", "_"))
        return error_response(error.status_code, code, str(error.detail), error.headers)
    return error_response(500, "internal", INTERNAL)


def _first_problem(error: RequestValidationError) -> str:
    """The first of pydantic's findings as ``where: what``, and how many more there are."""
    problems = error.errors()
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {str(first['msg']).lower()}{more}"


def install(app: FastAPI) -> None:
    """Answer every exception of this application in the one form."""

    async def answer(_request: Request, error: Exception) -> Response:
        return response_to(error)

    for kind in (TapewatchError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer)
