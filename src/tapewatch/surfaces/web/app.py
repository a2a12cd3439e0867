"""The web application: guards around routes, one route file per resource."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from tapewatch.surfaces.web import errors
from tapewatch.surfaces.web.description import describe
from tapewatch.surfaces.web.guard.address import AddressGuard
from tapewatch.surfaces.web.guard.headers import SecurityHeaders
from tapewatch.surfaces.web.guard.limits import RequestLimits
from tapewatch.surfaces.web.guard.origin import OriginGuard
from tapewatch.surfaces.web.guard.sender import SourceTokens
from tapewatch.surfaces.web.guard.token import TokenGuard
from tapewatch.surfaces.web.head import TimedHeadProtocol
from tapewatch.surfaces.web.live.connection import LiveProtocol
from tapewatch.surfaces.web.live.messages import MOST_MESSAGE_BYTES
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.routes import (
    backup,
    catalog,
    connect,
    dashboards,
    docs,
    health,
    lines,
    live,
    metrics,
    pages,
    quarantine,
    query,
    receive,
    retire,
    status,
    values,
)

UVICORN_OPTIONS: dict[str, Any] = {
    "ws": LiveProtocol,
    # A frame is encoded once for all clients; compressing it for each would undo that.
    "ws_per_message_deflate": False,
    "ws_max_size": MOST_MESSAGE_BYTES,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "http": TimedHeadProtocol,
    "loop": "auto",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    # Host and scheme are what the socket says; a header from anywhere may not change them.
    "proxy_headers": False,
    "timeout_keep_alive": 30,
}
"""How uvicorn is to serve this application; whoever starts it decides about its life and its log level."""

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
_DESCRIPTION = (
    "Rows go in by POST, questions are answered as frames. Times are integer microseconds since 1970, UTC; ranges are half-open; "
    "ratios are fractions. Where the server has a token, every request carries it: Authorization: Bearer TOKEN."
)


def build_web(parts: WebParts) -> FastAPI:
    """Put the application together; nothing is started."""
    app = FastAPI(
        title="tapewatch",
        version=parts.version,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    errors.install(app)
    # The last one added is the first one passed.
    app.add_middleware(RequestLimits, max_body_bytes=parts.max_body_bytes)
    app.add_middleware(TokenGuard, token=parts.token, sources=SourceTokens(parts.source_tokens), write_paths=receive.paths(parts))
    app.add_middleware(OriginGuard)
    app.add_middleware(AddressGuard, names=parts.allowed_hosts, bound_host=parts.bound_host)
    app.add_middleware(SecurityHeaders)
    for resource in (  # asked for in this order: what is asked most comes first
        receive,
        query,
        lines,
        quarantine,
        retire,
        catalog,
        dashboards,
        values,
        status,
        connect,
        live,
        metrics,
        health,
        backup,
    ):
        app.include_router(resource.router(parts))
    app.include_router(docs.router())
    app.include_router(pages.router(parts))
    app.openapi = lambda: describe(app)
    return app
