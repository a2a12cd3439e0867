"""The page itself, and what is answered where there is nothing."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.site import Asset, Site

_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_NO_PAGES = frozenset({"api", "docs", "health", "metrics", "ready"})
_LINKS = (
    ("docs", "the HTTP interface, described"),
    ("api/status", "the state of everything"),
    ("api/dashboards", "the dashboards as data"),
    ("api/catalog", "tables, columns and units"),
    ("metrics", "numbers about this server for Prometheus"),
    ("health", "whether it is well"),
)


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource; they come last."""
    routes = APIRouter(include_in_schema=False)
    site = Site(parts.static_dir)
    site.index()

    @routes.api_route("/api/{rest:path}", methods=_EVERY_METHOD)
    async def nothing_here(request: Request, rest: str) -> Response:
        raise RequestRefused(404, "not_found", f"there is no {request.method} /api/{rest}; /docs lists what there is")

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def page(request: Request, path: str) -> Response:
        index = site.index()
        asset = site.find(path) or (index if _is_page(path) else None)
        if asset is not None:
            return _send(request, asset)
        if index is None and _is_page(path):
            return HTMLResponse(_unbuilt(parts.version), headers={"Cache-Control": "no-store"})
        raise RequestRefused(404, "not_found", f"there is no /{path}")

    return routes


def _is_page(path: str) -> bool:
    """Whether a path may be one of the page's own addresses: files have a dot in their name, and probes must not be answered by a page."""
    return "." not in path.rpartition("/")[2] and path.partition("/")[0] not in _NO_PAGES


def _send(request: Request, asset: Asset) -> Response:
    headers = {"Cache-Control": asset.cache, "ETag": asset.etag, "Vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def _unbuilt(version: str) -> str:
    links = "".join(f'<li><a href="/{path}">/{path}</a>: {html.escape(sentence)}</li>' for path, sentence in _LINKS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tapewatch</title></head><body>'
        f"<h1>tapewatch {html.escape(version)}</h1>"
        "<p>The server runs, but this installation has no page: it was installed from a checkout without the built interface. "
        "<code>make ui</code> builds it; then load this address again.</p>"
        f"<p>The interface for programs works:</p><ul>{links}</ul></body></html>"
    )
