"""A connection that never says what it wants is ended: each holds an open file, of which there are few."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

HEAD_S = 15.0
"""Seconds within which the head of a request has arrived, counted from the connection or from the first byte behind an answer."""


class TimedHeadProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which itself waits for ever for the end of a head."""

    _head_due: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """See `asyncio.Protocol.connection_made`."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol.data_received`."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if cycle is not None and cycle.response_complete and self._head_due is None:
            self._await_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """See `HttpToolsProtocol.on_headers_complete`."""
        self._head_came()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol.connection_lost`."""
        self._head_came()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_due = self.loop.call_later(HEAD_S, self._end)

    def _head_came(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _end(self) -> None:
        self._head_due = None
        self.transport.abort()
