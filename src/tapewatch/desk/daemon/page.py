"""The daemon's status over HTTP: three JSON documents for whoever polls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus

_TIMEOUT_S = 5.0


class StatusPage:
    """Answers ``GET`` on a few paths with JSON, one request per connection.

    Args:
        documents: Path to what makes its answer.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, documents: Mapping[str, Callable[[], object]], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._documents = documents
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._answer, self._host, self._port)
        self._port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, body = self._document(request)
                writer.write(_response(status, body))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a visitor that leaves or sends no request is nobody's trouble
        finally:
            writer.close()

    def _document(self, request: str) -> tuple[HTTPStatus, object]:
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if path not in self._documents:
            return HTTPStatus.NOT_FOUND, {"error": f"no page {path}; there are {', '.join(self._documents)}"}
        if method != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"{method} is not served; use GET"}
        return HTTPStatus.OK, self._documents[path]()


def _response(status: HTTPStatus, body: object) -> bytes:
    payload = json.dumps(body).encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + payload
