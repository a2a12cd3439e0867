"""What the settings of a collector say about its recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.sources.collectors.feed.recorder.discretion import Discretion

if TYPE_CHECKING:
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

LIMIT_MB, LIMIT_MIN_MB = 1000.0, 10.0

RECORD_DIR = "Directory into which everything that is received is recorded; empty for none."
RECORD_LIMIT = "Megabytes that its recording may take; the oldest file goes first."

_BYTES_PER_MB = 1_000_000


def recorder_of(directory: str, limit_mb: float, discretion: Discretion, name: str, clock: Clock) -> Recorder | None:
    """The recorder that a collector of this name asks for; None when its settings name no directory."""
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

    return Recorder(Path(directory), name, round(limit_mb * _BYTES_PER_MB), discretion, clock) if directory else None


def check_limit(limit_mb: float) -> None:
    """Check what a recording may take.

    Raises:
        ConfigError: It is too little.
    """
    if not limit_mb >= LIMIT_MIN_MB:
        raise ConfigError(f"record_limit_mb: {limit_mb} is less than {LIMIT_MIN_MB:.0f} megabytes, which a recording needs to be of use")
