"""A small HTTP server in the place of a venue's time call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Answer = tuple[int, str]
"""Status and body; status 0 hangs up."""


@asynccontextmanager
async def time_server(answer: Callable[[], Answer]) -> AsyncIterator[tuple[str, list[str]]]:
    """A running server: its address, and what it was asked as method and body."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().lower().split("\r\n")
                length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length")), 0)
                body = (await reader.readexactly(length)).decode()
                asked.append(f"{head.split(b' ')[0].decode()} {body}")
                status, text = answer()
                if not status:
                    break
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/time", asked
    finally:
        server.close()
