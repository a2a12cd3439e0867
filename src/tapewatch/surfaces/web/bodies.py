"""Reading a request's body: as sent or gzip, never larger than the limit once unpacked."""

from __future__ import annotations

import asyncio
import zlib

from fastapi import Request

from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.guard.limits import too_large

_THREAD_BYTES = 8 * 1024
"""A packed body from this size on is unpacked in a thread; a smaller one becomes a thousand times as large at most: some milliseconds."""
_GZIP = frozenset({"gzip", "x-gzip"})


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, unpacked.

    Raises:
        RequestRefused: 413 beyond ``max_bytes``, 415 for another encoding, 400 for a broken one, 408 when it comes too slowly.
    """
    body = await request.body()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in _GZIP:
        raise RequestRefused(415, "encoding_unknown", f"Content-Encoding {encoding!r} is not supported; send gzip, or the body as it is")
    return gunzip(body, max_bytes) if len(body) < _THREAD_BYTES else await asyncio.to_thread(gunzip, body, max_bytes)


def gunzip(data: bytes, max_bytes: int) -> bytes:
    """Unpack gzip, of one or several members, without ever holding more than ``max_bytes``.

    Raises:
        RequestRefused: 413 when it unpacks to more, 400 when it is not complete gzip.
    """
    unpacked = bytearray()
    while data:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked += member.decompress(data, max_bytes - len(unpacked) + 1)
        except zlib.error as error:
            raise RequestRefused(400, "unreadable_body", f"the body is not gzip: {error}") from error
        if len(unpacked) > max_bytes:
            raise too_large(max_bytes, "the unpacked body")
        if not member.eof:
            raise RequestRefused(400, "unreadable_body", "the gzip body ends before its end")
        data = member.unused_data.lstrip(b"\0")
    return bytes(unpacked)
