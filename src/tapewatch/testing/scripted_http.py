"""A web server that answers what it is told, for tests of what reads HTTP."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer.

    Attributes:
        body: Sent as it is when bytes, else as JSON.
        status: Status code.
        delay_s: Seconds before the answer; a large number hangs.
        headers: Further header lines.
    """

    body: object = b""
    status: int = 200
    delay_s: float = 0.0
    headers: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The whole answer as it travels."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *self.headers,
        )
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class ScriptedServer:
    """Listens on 127.0.0.1 and gives ``answers`` in turn, the last one again and again; an async context manager.

    Attributes:
        answers: What to say.
        requests: Request line and headers of each request, as text.
    """

    answers: list[Scripted]
    requests: list[str] = field(default_factory=list[str])
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Its address."""
        if self._server is None:
            return ""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/status"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            gone = asyncio.ensure_future(reader.read())
            await asyncio.wait([gone], timeout=answer.delay_s or 0.0)
            if not gone.done():
                gone.cancel()
                writer.write(answer.encode())
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side went away
        finally:
            writer.close()
