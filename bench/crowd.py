"""Many live connections in one process of its own: WebSockets that time what frames bring without reading all of them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, cast

_MASK = b"\0\0\0\0"
"""Masked with zeros, what a client sends stays as it is."""
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
SHORT_FRAME, MIDDLE_FRAME = 126, 127
"""Lengths that say that the length follows, in two bytes or in eight (RFC 6455, 5.2)."""
SLOW_BUFFER_BYTES = 4_096
SLOW_PAUSE_S = 1.0


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A whole frame from a client to a server."""
    size = len(payload)
    if size < SHORT_FRAME:
        return bytes([0x80 | opcode, 0x80 | size]) + _MASK + payload
    return bytes([0x80 | opcode, 0x80 | SHORT_FRAME]) + size.to_bytes(2, "big") + _MASK + payload


@dataclass
class Heard:
    """What one connection was told.

    Attributes:
        newest: For each panel: time of the newest row of a frame that moved on, in microseconds, and the second of its arrival.
        topics: Topic to the panels that it is of.
        subscribed: Panels that it was promised.
        frames: Frames received.
        bytes: Bytes received.
        lags: Times it was told that it reads too slowly.
        errors: What was refused.
    """

    newest: dict[str, list[tuple[int, float]]] = field(default_factory=dict[str, list[tuple[int, float]]])
    topics: dict[bytes, list[str]] = field(default_factory=dict[bytes, list[str]])
    subscribed: int = 0
    frames: int = 0
    bytes: int = 0
    lags: int = 0
    errors: list[str] = field(default_factory=list[str])


class Reader(asyncio.Protocol):
    """One connection: asks for its panels when it is greeted, and notes what comes.

    Args:
        asks: Subscriptions, as they are sent.
        is_slow: Reads a few kilobytes a second.
    """

    def __init__(self, asks: Sequence[str], *, is_slow: bool) -> None:
        self.heard = Heard()
        self.is_open = False
        self.is_served = asyncio.Event()
        self._asks = asks
        self._is_slow = is_slow
        self._held = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self._transport = transport = cast("asyncio.Transport", transport)
        key = base64.b64encode(os.urandom(16)).decode()
        host, port = transport.get_extra_info("peername")[:2]
        head = ["GET /api/live HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        transport.write("\r\n".join([*head, f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """Cut what came into messages."""
        now_s = time.perf_counter()
        self._held += data
        if not self.is_open:
            self._open()
        at = 0
        while self.is_open and (frame := _frame_at(self._held, at)):
            opcode, start, at = frame
            self._hear(opcode, bytes(memoryview(self._held)[start:at]), now_s)
        del self._held[:at]
        if self.heard.errors or self.heard.subscribed >= len(self._asks):
            self.is_served.set()
        if self._is_slow and self.is_open and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(SLOW_PAUSE_S, self._resume)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the server has ended it."""
        self.heard.errors.append(f"the connection ended: {exc}")
        self.is_served.set()

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _open(self) -> None:
        head, ended, rest = bytes(self._held).partition(b"\r\n\r\n")
        if not ended:
            return
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.heard.errors.append(head.decode(errors="replace"))
            return
        self.is_open = True
        self._held = bytearray(rest)
        for text in self._asks:
            self._send(TEXT, text.encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(opcode, payload))

    def _hear(self, opcode: int, payload: bytes, now_s: float) -> None:
        heard = self.heard
        heard.bytes += len(payload)
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            heard.errors.append(f"closed: {payload[2:].decode(errors='replace')}")
        elif payload.startswith(b'{"op":"frame"'):
            heard.frames += 1
            self._frame(payload, now_s)
        elif payload.startswith(b'{"op":"subscribed"'):
            message = json.loads(payload)
            heard.subscribed += 1
            heard.topics.setdefault(message["topic"].encode(), []).append(message["id"])
        elif payload.startswith(b'{"op":"lag"'):
            heard.lags += 1
        elif payload.startswith(b'{"op":"error"'):
            heard.errors.append(payload.decode())

    def _frame(self, payload: bytes, now_s: float) -> None:
        """The newest row behind the frame stands just before the moment of the answer."""
        panels = self.heard.topics[payload.split(b'"topic":"', 1)[1].split(b'"', 1)[0]]
        newest = payload[: payload.index(b',"as_of_us":')].rpartition(b'"newest_us":')[2]
        newest_us = 0 if newest == b"null" else int(newest)
        for panel in panels:
            seen = self.heard.newest.setdefault(panel, [])
            if not seen or newest_us > seen[-1][0]:
                seen.append((newest_us, now_s))


def _frame_at(held: bytearray, at: int) -> tuple[int, int, int] | None:
    """Opcode, start of the payload and end of the frame that begins here; None while it is not whole."""
    if len(held) < at + 2:
        return None
    size, start = held[at + 1] & 0x7F, at + 2
    if size >= SHORT_FRAME:
        start += 2 if size == SHORT_FRAME else 8
        if len(held) < start:
            return None
        size = int.from_bytes(held[at + 2 : start], "big")
    return (held[at] & 0x0F, start, start + size) if len(held) >= start + size else None


async def _connect(port: int, reader: Reader, *, is_slow: bool) -> Reader:
    link = socket.socket()
    if is_slow:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
    link.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(link, ("127.0.0.1", port))
    await loop.create_connection(lambda: reader, sock=link)
    return reader


async def _run(orders: Connection, port: int, asks: Sequence[Sequence[str]], *, is_slow: bool) -> None:
    readers = [await _connect(port, Reader(asked, is_slow=is_slow), is_slow=is_slow) for asked in asks]
    if not is_slow:
        await asyncio.gather(*(reader.is_served.wait() for reader in readers))
    orders.send(len(readers))
    await asyncio.get_running_loop().run_in_executor(None, orders.recv)
    orders.send([reader.heard for reader in readers])


def crowd(orders: Connection, port: int, asks: Sequence[Sequence[str]], is_slow: bool) -> None:  # noqa: FBT001 - arguments of a process
    """Open one connection for each set of subscriptions; say so; go on until told to stop, and give what each has `Heard`."""
    asyncio.run(_run(orders, port, asks, is_slow=is_slow))


def subscriptions(board: str, panels: Sequence[str], variables: dict[str, list[str]], last_s: int) -> list[str]:
    """What a tab sends that shows a dashboard."""
    asked: dict[str, Any] = {"op": "subscribe", "dashboard": board, "vars": variables, "range": {"last_s": last_s}}
    return [json.dumps({**asked, "panel": panel, "id": panel}) for panel in panels]
