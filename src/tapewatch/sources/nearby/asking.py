"""Asks one address of this host one short question, within a time limit."""

from __future__ import annotations

import asyncio
import contextlib

from tapewatch.sources.nearby.base import HOSTS, Answer, Door, State

TIMEOUT_S = 0.3
"""Seconds for connecting, asking and the answer together."""
MOST_BYTES = 4_096
"""Longest beginning of an answer that is read."""


async def ask(door: Door, host: str, title: str, timeout_s: float = TIMEOUT_S) -> Answer:
    """What listens at a door.

    Args:
        door: Where, what is asked, and how the answer is judged.
        host: One of `HOSTS`: nothing else is ever asked.
        title: What is looked for, for the evidence.
        timeout_s: Seconds for everything together.
    """
    if host not in HOSTS:
        raise ValueError(f"host: {host!r} is not one of {', '.join(HOSTS)}; only this host is asked")
    heard = bytearray()
    is_open = False
    evidence: str | None = ""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, door.port)
            is_open = True
            try:
                writer.write(door.question)
                await writer.drain()
                while evidence == "" and len(heard) < MOST_BYTES and (more := await reader.read(MOST_BYTES)):
                    heard += more
                    evidence = door.judge(bytes(heard))
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (TimeoutError, OSError):
        pass
    return _answer(door, host, title, is_open=is_open, heard=len(heard), evidence=evidence)


def _answer(door: Door, host: str, title: str, *, is_open: bool, heard: int, evidence: str | None) -> Answer:
    if evidence:
        return Answer(host, door.port, State.FOUND, evidence)
    if heard:
        return Answer(host, door.port, State.OTHER, f"Something answers there, but not as {title} does.")
    if is_open:
        return Answer(host, door.port, State.SILENT, f"Something listens there, but said nothing that {title} would say in time.")
    return Answer(host, door.port, State.NOTHING, "Nothing listens there.")
