"""A reverse proxy that serves a server under a path prefix, as nginx does with `location /tapewatch/`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


def _stripped(head: bytes, prefix: str) -> bytes | None:
    """The head of a request as the server sees it; None when it is not under the prefix. One request per connection."""
    line, _, rest = head.partition(b"\r\n")
    method, path, version = line.split(b" ", 2)
    if not path.startswith(prefix.encode() + b"/"):
        return None
    kept = [one for one in rest.split(b"\r\n") if one and not one.lower().startswith(b"connection:")]
    is_upgrade = any(one.lower().startswith(b"upgrade:") for one in kept)
    kept.append(b"Connection: Upgrade" if is_upgrade else b"Connection: close")
    return b"\r\n".join([b" ".join([method, path[len(prefix) :], version]), *kept, b"", b""])


@asynccontextmanager
async def under_prefix(url: str, prefix: str) -> AsyncIterator[str]:
    """The address of the same server under `prefix`."""
    target = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = _stripped(await reader.readuntil(b"\r\n\r\n"), prefix)
        except asyncio.IncompleteReadError:
            writer.close()
            return
        if head is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        behind, ahead = await asyncio.open_connection(target.hostname, target.port)
        ahead.write(head)
        await asyncio.gather(_pipe(reader, ahead), _pipe(behind, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}{prefix}"
    finally:
        server.close()
