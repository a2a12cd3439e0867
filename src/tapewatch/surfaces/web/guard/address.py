"""Refuses requests that name another host: a page whose domain was pointed at this machine (DNS rebinding) names its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from tapewatch.surfaces.web.errors import error_response

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, never bound to


class AddressGuard:
    """ASGI middleware: the ``Host`` header must name this server, with any port.

    Args:
        app: What is guarded.
        names: Host names and addresses by which this server may be called, besides loopback.
        bound_host: The address it listens on; on a wildcard every literal IP address is this server's own.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str], bound_host: str) -> None:
        self._app = app
        self._allowed = LOOPBACK | {_bare(name) for name in names} | ({bound_host.lower()} - _WILDCARDS)
        self._takes_addresses = bound_host in _WILDCARDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(given) == 1 and self._is_own(_bare(given[0])):
            await self._app(scope, receive, send)
            return
        named = ", ".join(given) or "(none)"
        message = (
            f"the Host header {named!r} does not name this server; it answers to {', '.join(sorted(self._allowed))}. "
            "Add a name under allowed_hosts in the settings"
        )
        await error_response(403, "host_refused", message)(scope, receive, send)

    def _is_own(self, name: str) -> bool:
        return name in self._allowed or (self._takes_addresses and _is_address(name))


def _bare(host: str) -> str:
    """The name without port, brackets, trailing dot and capitals."""
    text = host.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    if text.count(":") == 1:
        text = text.partition(":")[0]
    return text.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
