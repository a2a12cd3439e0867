"""One kept-open HTTP connection to the server, with the standard library."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR
from typing import TYPE_CHECKING

from tapewatch_client.batch import Batch
from tapewatch_client.settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext

#: Answers are short; the rest of a longer one is not read.
ANSWER_LIMIT_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """The server's answer as it came.

    Attributes:
        status: HTTP status.
        body: Body of the answer.
        retry_after: The header of that name, or None.
        location: The header of that name, or None.
    """

    status: int
    body: bytes
    retry_after: str | None = None
    location: str | None = None


class Transport:
    """Posts batches over one connection, opened when needed and again after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: HTTPConnection | None = None
        self._context: SSLContext | None = None
        self._headers = {"Content-Type": "application/json", "User-Agent": "tapewatch-client"}
        if settings.token is not None:
            self._headers["Authorization"] = f"Bearer {settings.token}"

    @property
    def is_open(self) -> bool:
        """Whether the next post goes over a connection that already served one."""
        return self._connection is not None and self._connection.sock is not None

    def post(self, batch: Batch) -> Reply:
        """Send a batch and read the answer; raises OSError or HTTPException, and the connection is closed then."""
        connection = self._connection = self._connection or self._new()
        headers = {**self._headers, "Content-Encoding": "gzip"} if batch.is_gzip else self._headers
        try:
            try:
                connection.request("POST", f"{self._settings.path}/api/rows", body=batch.payload, headers=headers)
            except (BrokenPipeError, ConnectionResetError):
                # A server that refuses early answers and hangs up before it has read everything.
                return self._read(connection.getresponse())
            return self._read(connection.getresponse())
        except BaseException:
            self.close()
            raise

    def _read(self, response: HTTPResponse) -> Reply:
        body = response.read(ANSWER_LIMIT_BYTES)
        if not response.isclosed() or response.will_close:
            self.close()
        return Reply(response.status, body, response.getheader("Retry-After"), response.getheader("Location"))

    def _new(self) -> HTTPConnection:
        settings = self._settings
        if not settings.is_secure:
            return HTTPConnection(settings.server, settings.port, timeout=settings.timeout_s)
        if self._context is None:
            from ssl import create_default_context

            self._context = create_default_context()
        return HTTPSConnection(settings.server, settings.port, timeout=settings.timeout_s, context=self._context)

    def close(self) -> None:
        """Close the connection; the next post opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """End a request that hangs, from another thread."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(SHUT_RDWR)

    def forget(self) -> None:
        """Let go of the parent's connection in a forked child: close this process's copy, tell the server nothing."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                os.close(connection.sock.detach())
