"""One frozen tree of settings, and how it is read."""

from __future__ import annotations

from tapewatch.settings.read import Problem, collectors_of, load, parse, problem_of, read_text
from tapewatch.settings.tree import LOOPBACK, HeartbeatSettings, QuarantineSettings, Settings, SourceLimits, TableSettings

__all__ = [
    "LOOPBACK",
    "HeartbeatSettings",
    "Problem",
    "QuarantineSettings",
    "Settings",
    "SourceLimits",
    "TableSettings",
    "collectors_of",
    "load",
    "parse",
    "problem_of",
    "read_text",
]
