"""One plain request and the beginning of its answer, for what is asked over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Judge = Callable[[int, Mapping[str, str], bytes], str | None]
"""Takes status, headers by lower-case name and the body so far; gives what a `tapewatch.sources.nearby.base.Door` wants of its judge."""

_BEGINS = b"HTTP/1."


def http_question(port: int, path: str) -> bytes:
    """A request that asks for one address and for the end of the connection after it."""
    head = (f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "User-Agent: tapewatch", "Accept: */*", "Connection: close")
    return "\r\n".join((*head, "", "")).encode()


def http_judged(judge: Judge) -> Callable[[bytes], str | None]:
    """The judge of an answer over HTTP: waits for the whole head, and knows at once what is no HTTP."""

    def judge_bytes(heard: bytes) -> str | None:
        if heard[: len(_BEGINS)] != _BEGINS[: len(heard)]:
            return None
        head, is_whole, body = heard.partition(b"\r\n\r\n")
        if not is_whole:
            return ""
        first, *lines = head.decode("latin-1").split("\r\n")
        status = first.split(" ")[1] if " " in first else ""
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return judge(int(status), headers, body) if status.isdecimal() else None

    return judge_bytes


def is_cut(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the answer says that its body is longer than what has come."""
    length = headers.get("content-length", "")
    return length.isdecimal() and len(body) < int(length)
