"""What the server has stored, for a collector that wants to begin with what others of its kind have measured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tapewatch.errors import SourceError
from tapewatch.sources.http_json import fetch_object

if TYPE_CHECKING:
    import httpx2

Question = Mapping[str, str | Sequence[str]]
"""The parameters of ``/api/query``."""

History = Callable[[Question], Awaitable[list[dict[str, Any]]]]
"""Asks the server one question; gives the rows of its answer, columns by name. Raises `SourceError` when there is no answer."""


class ServerHistory:
    """Asks the server to which the rows are delivered.

    Args:
        url: The server's address.
        token: Its bearer token; empty for none.
        http: Gives the shared HTTP client.
    """

    def __init__(self, url: str, token: str, http: Callable[[], httpx2.AsyncClient]) -> None:
        self._url = f"{url.rstrip('/')}/api/query"
        self._token = token
        self._http = http

    async def __call__(self, question: Question) -> list[dict[str, Any]]:
        """See `History`."""
        url = f"{self._url}?{urlencode(question, doseq=True)}"
        frame = await fetch_object(self._http(), url, "an answer of tapewatch", token=self._token)
        try:
            columns = {str(column["name"]): list[Any](column["values"]) for column in frame["columns"]}
            return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{self._url} answered something else than a frame: {error!r}", permanent=True) from error
