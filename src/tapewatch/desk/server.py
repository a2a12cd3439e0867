"""A local WebSocket server in the place of a venue: connections, subscriptions, refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from types import TracebackType
from typing import Protocol, Self

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tapewatch.desk.dialects.base import Change, Dialect, Offer, Session
from tapewatch.desk.stream import Stream

_MOST_UNSENT_BYTES = 8 * 2**20
_CLOSE_TIMEOUT_S = 0.5

TIME_PATH = "/time"


class Line:
    """One connection of a subscriber."""

    def __init__(self, connection: ServerConnection, session: Session) -> None:
        self._connection = connection
        self.session = session

    @property
    def streams(self) -> frozenset[Stream]:
        """Streams that are subscribed on this connection."""
        return self.session.streams

    def push(self, text: str) -> None:
        """Send without waiting; a subscriber that lets 8 MiB pile up is disconnected, as venues do."""
        broadcast((self._connection,), text)
        if self._connection.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            self.cut()

    async def send(self, text: str) -> None:
        """Send and wait while the subscriber is slower than the sender; a closed connection is no error."""
        try:
            await self._connection.send(text)
        except ConnectionClosed:
            return

    def cut(self) -> None:
        """Break the connection without a farewell."""
        self._connection.transport.abort()

    async def close(self, reason: str) -> None:
        """Close the connection with code 1001 (going away)."""
        await self._connection.close(1001, reason)


class Source(Protocol):
    """Where the messages of a server come from; all calls come from the server's event loop."""

    @property
    def offer(self) -> Offer:
        """The streams that exist."""
        ...

    def opened(self, line: Line) -> None:
        """A subscriber has connected; streams named in its address are subscribed already."""
        ...

    def changed(self, line: Line, change: Change) -> None:
        """A subscriber has changed its subscriptions; the replies have been sent."""
        ...

    def closed(self, line: Line) -> None:
        """A subscriber is gone."""
        ...


class VenueServer:
    """Speaks a venue's protocol on a local port; pings are answered by the WebSocket layer.

    Args:
        dialect: The venue's protocol.
        source: Where messages come from.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        tell_time: Answers the venue's time call, which is a GET of `TIME_PATH`; None for a venue that has none.
    """

    def __init__(
        self,
        dialect: Dialect,
        source: Source,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tell_time: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._tell_time = tell_time
        self._dialect = dialect
        self._source = source
        self._host = host
        self._port = port
        self._server: Server | None = None
        self._lines: dict[Line, None] = {}
        self.is_refusing = False

    @property
    def url(self) -> str:
        """Address to connect to, with the venue's path."""
        return f"ws://{self._host}:{self._port}{self._dialect.path}"

    @property
    def time_url(self) -> str:
        """Address of the time call."""
        return f"http://{self._host}:{self._port}{TIME_PATH}"

    @property
    def lines(self) -> Iterable[Line]:
        """Present connections."""
        return tuple(self._lines)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The port is taken.
        """
        self._server = await serve(
            self._talk,
            self._host,
            self._port,
            process_request=self._admit,
            compression=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            server_header=None,
        )
        self._port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Close all connections and the port; returns within a second."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def cut_all(self) -> None:
        """Break every connection without a farewell."""
        for line in self.lines:
            line.cut()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer 503 while the venue refuses connections, and the time call at any other time."""
        if self.is_refusing:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "venue is down\n")
        if request.path == TIME_PATH and self._tell_time is not None:
            return connection.respond(HTTPStatus.OK, await self._tell_time())
        return None

    async def _talk(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else "/"
        line = Line(connection, self._dialect.session(path, self._source.offer))
        self._lines[line] = None
        try:
            for text in line.session.greeting():
                await line.send(text)
            self._source.opened(line)
            async for received in connection:
                change = line.session.answer(received if isinstance(received, str) else received.decode(errors="replace"))
                for reply in change.replies:
                    await line.send(reply)
                self._source.changed(line, change)
        except ConnectionClosed:
            pass
        finally:
            del self._lines[line]
            self._source.closed(line)
