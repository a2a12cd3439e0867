"""``/docs``: the HTTP interface described on one page that this server renders by itself, without a script or another host."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from tapewatch.surfaces.web.description import describe

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .3rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } h3 code { font-size: 15px; font-weight: 600; }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid #8886; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .15rem 1.2rem .15rem 0; }
section { border-top: 1px solid #8886; }
"""
_LIVE = """
<section id="live"><h2>Live</h2><h3><code>WS /api/live</code></h3>
<p>One connection for all panels; JSON text messages. Send <code>subscribe</code> with an <code>id</code> of your own, a
<code>range</code> (<code>{"last_s": 3600}</code>, or <code>start_us</code> and <code>end_us</code>) and either <code>dashboard</code> and
<code>panel</code> or a <code>query</code> as for <code>POST /api/query</code>; <code>unsubscribe</code> with the <code>id</code> ends it.
The server sends <code>frame</code> messages: a <code>snapshot</code> stands alone; a <code>delta</code> replaces the rows whose bucket is
at or after <code>replace_from_us</code> and everything beside the rows. <code>lag</code> says that you read too slowly and how many frames
were dropped; snapshots follow. <code>tick</code> comes every second.</p>
<pre>{"op": "subscribe", "id": "a", "dashboard": "exchange", "panel": "latency", "range": {"last_s": 3600}, "vars": {"venue": ["kraken"]}}
{"op": "unsubscribe", "id": "a"}</pre></section>
"""


def router() -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def read_docs(request: Request) -> Response:
        return HTMLResponse(render(describe(request.app)), headers={"Cache-Control": "no-cache"})

    @routes.get("/docs.css")
    async def style() -> Response:
        return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "no-cache"})

    return routes


def render(description: Mapping[str, Any]) -> str:
    """The page, from an OpenAPI description."""
    schemas = description.get("components", {}).get("schemas", {})
    operations = "".join(
        _operation(method, path, operation) for path, methods in description["paths"].items() for method, operation in methods.items()
    )
    records = "".join(_record(name, schema) for name, schema in schemas.items())
    info = description["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(info["title"])}: HTTP interface</title><link rel="stylesheet" href="/docs.css"></head><body>'
        f"<h1>{html.escape(info['title'])} {html.escape(info['version'])}: HTTP interface</h1>"
        f"<p>{html.escape(info.get('description', ''))} The same as data: <a href='/openapi.json'>/openapi.json</a>. "
        "<a href='/'>To the dashboards</a></p>"
        f"<h2>Requests</h2>{operations}{_LIVE}<h2>Records</h2>{records}</body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(_parameter(item) for item in operation.get("parameters", ()))
    table = f"<table><tr><th>Parameter</th><th>Meaning</th><th>Example</th></tr>{parameters}</table>" if parameters else ""
    answers = ", ".join(f"{status}{_record_link(answer)}" for status, answer in sorted(operation.get("responses", {}).items()))
    return (
        f'<section id="{html.escape(operation.get("operationId", path))}"><h3><code>{method.upper()} {html.escape(path)}</code></h3>'
        f"<p>{html.escape(operation.get('description') or operation.get('summary', ''))}</p>{table}{_body(operation)}"
        f"<p>Answers: {answers}</p></section>"
    )


def _parameter(item: Mapping[str, Any]) -> str:
    name = html.escape(item["name"]) + (" (needed)" if item.get("required") else "")
    example: Any = item.get("example", "")
    shown = html.escape(", ".join(example) if item.get("schema", {}).get("type") == "array" else str(example))
    return f"<tr><td><code>{name}</code></td><td>{html.escape(item.get('description', ''))}</td><td><code>{shown}</code></td></tr>"


def _body(operation: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body <code>{html.escape(kind)}</code>{_record_link({'content': {kind: content}})}</p>")
        parts.extend(f"<p>{html.escape(title)}:</p><pre>{html.escape(example)}</pre>" for title, example in _examples(content))
    return "".join(parts)


def _examples(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for title, item in content.get("examples", {}).items():
        value = item.get("value")
        yield title.capitalize(), value if isinstance(value, str) else json.dumps(value)


def _record_link(answer: Mapping[str, Any]) -> str:
    for content in answer.get("content", {}).values():
        reference = str(content.get("schema", {}).get("$ref", ""))
        if reference:
            name = html.escape(reference.rpartition("/")[2])
            return f' <a href="#{name}">{name}</a>'
    return ""


def _record(name: str, schema: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(field)}</code></td><td>{_type(of)}</td><td>{html.escape(of.get('description', ''))}</td></tr>"
        for field, of in schema.get("properties", {}).items()
    )
    escaped = html.escape(name)
    return f'<section id="{escaped}"><h3>{escaped}</h3><p>{html.escape(schema.get("description", ""))}</p><table>{rows}</table></section>'


def _type(schema: Mapping[str, Any]) -> str:  # noqa: PLR0911 - one line per form of a schema
    if "$ref" in schema:
        name = html.escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(html.escape(str(word)) for word in schema["enum"])
    if "const" in schema:
        return html.escape(json.dumps(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'])}"
    return html.escape(str(schema.get("type", "any")))
