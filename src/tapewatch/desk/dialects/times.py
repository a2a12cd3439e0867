"""Times as several venues write them."""

from __future__ import annotations

import re

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.template import TimeForm


def milliseconds(pattern: str) -> TimeForm:
    """Whole milliseconds since 1970; group 1 of the pattern is the time."""
    return TimeForm(re.compile(pattern), _parse, _write)


def _parse(text: str) -> int:
    return int(text) * US_PER_MS


def _write(us: int) -> str:
    return str((us + US_PER_MS // 2) // US_PER_MS)
