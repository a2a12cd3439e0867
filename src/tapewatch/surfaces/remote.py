"""A running server, as commands ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import httpx2

from tapewatch.errors import ServerRefused, SourceError

TIMEOUT_S = 20.0
"""Seconds for an answer: a server whose store is away lets a sender wait for ten before it says so."""


class Remote:
    """Asks a server over HTTP; close it after use.

    Args:
        url: Its address.
        token: Its bearer token; empty for none.
        timeout_s: Seconds for an answer.
    """

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.Client(headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to GET; parameters that are None are left out, and lists are repeated.

        Raises:
            ServerRefused: It is no.
            SourceError: There is none, or it is not of a tapewatch server.
        """
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        return self._ask("GET", path, params=given or None)

    def post(self, path: str, body: object) -> dict[str, Any]:
        """The answer to a POST of JSON; raises as `get`."""
        return self._ask("POST", path, json=body)

    def text(self, path: str) -> str:
        """The answer to GET of something that is no JSON; raises as `get`."""
        answer = self._sent("GET", path)
        if answer.is_error:
            self._read(answer)
        return answer.text

    def _sent(self, method: str, path: str, **given: Any) -> httpx2.Response:  # noqa: ANN401 - as the library takes them
        try:
            return self._http.request(method, f"{self.url}{path}", **given)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(f"{self.url} does not answer: {error}; is `tapewatch up` running there?") from error

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - as the library takes them
        return self._read(self._sent(method, path, **given))

    def _read(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            data: dict[str, Any] = answer.json()
        except ValueError as error:
            raise SourceError(f"{self.url} answers (HTTP status {answer.status_code}), but is no tapewatch server") from error
        if answer.is_error and "accepted" not in data:  # a receipt says itself what was refused
            told: Mapping[str, Any] = data.get("error") or {}
            words = told.get("message") or "; ".join(data.get("reasons") or []) or answer.reason_phrase
            raise ServerRefused(str(words), status=answer.status_code, reason=str(told.get("code", "")))
        return data
