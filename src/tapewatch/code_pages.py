"""Pages of programs that were needed for a moment: given back to the kernel, which has them in its cache of files all the same.

Around each page of a library that is touched the kernel maps fifteen more; a start touches much that never runs again, and so does work
that is done once a minute. All of it counts as memory of this process until somebody says that it is not needed; what is needed after all
is mapped again, without reading the disk.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

SETTLED_AFTER_S = 5.0
"""Seconds from the start of a server after which what runs is what will run."""

GIVEN_BACK_EVERY_S = 300.0
"""Seconds from one time to the next."""

_READ_ONLY = frozenset({"r-xp", "r--p"})
"""Permissions of code, and of the constants beside it."""

_SMAPS = Path("/proc/self/smaps")
_DONTNEED = 4  # MADV_DONTNEED, see madvise(2)
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s+(/.*)?$")


async def keep_giving_back() -> None:
    """Do it when the server has settled, and again and again."""
    await asyncio.sleep(SETTLED_AFTER_S)
    while True:
        await asyncio.to_thread(give_back)
        await asyncio.sleep(GIVEN_BACK_EVERY_S)


def give_back() -> int:
    """Unmap code and constants of all libraries; gives the bytes that were mapped. Does nothing where the system is not Linux."""
    try:
        advise = ctypes.CDLL(None, use_errno=True).madvise
        text = _SMAPS.read_text(encoding="utf-8", errors="replace")
    except (AttributeError, OSError):
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return sum(resident for start, end, resident in clean_pages(text) if advise(start, end - start, _DONTNEED) == 0)


def clean_pages(smaps: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and resident bytes of each mapping of code or constants that is as it is in its file.

    One with pages of its own, such as a debugger's breakpoints, would lose them, and is left out.
    """
    head: re.Match[str] | None = None
    resident = 0
    for line in smaps.splitlines():
        found = _HEAD.match(line)
        if found is not None:
            head = found
        elif head is not None and line.startswith("Rss:"):
            resident = _bytes(line)
        elif head is not None and line.startswith("Private_Dirty:"):
            if head[3] in _READ_ONLY and head[4] and resident and not _bytes(line):
                yield int(head[1], 16), int(head[2], 16), resident
            head = None


def _bytes(line: str) -> int:
    return int(line.split()[1]) * 1024
