"""Changes to a recording that reproduce an incident: a message lost, late or doubled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from tapewatch.desk.recording import Entry, Recording, RecordingError


@dataclass(frozen=True, slots=True)
class Edit:
    """One change.

    Attributes:
        kind: ``delete`` loses the message; ``swap`` lets it arrive right after the next one of its stream, at that one's time;
            ``double`` lets it arrive twice.
        symbol: Symbol as the venue spells it.
        channel: Channel as the venue names it; parameters may be left out (``depth``, ``book``).
        k: Which message of that symbol and channel, counted from 1 in the untouched recording.
    """

    kind: Literal["delete", "swap", "double"]
    symbol: str
    channel: str
    k: int


def edited(recording: Recording, edits: Iterable[Edit]) -> Recording:
    """Apply edits to a recording; all of them count messages of the untouched one.

    Raises:
        RecordingError: An edit names a message that the recording does not have.
    """
    entries = {entry.order: [entry] for entry in recording.entries}
    for edit in edits:
        target, following = _targets(recording, edit)
        match edit.kind:
            case "delete":
                entries[target.order] = []
            case "double":
                entries[target.order].append(target)
            case "swap":
                entries[target.order] = []
                entries[following.order].append(replace(target, received_us=following.received_us))
    arrivals = (entry for order in sorted(entries) for entry in entries[order])
    return Recording(recording.dialect, [replace(entry, order=order) for order, entry in enumerate(arrivals)])


def _targets(recording: Recording, edit: Edit) -> tuple[Entry, Entry]:
    """Find the message that is meant and the next one of its stream (itself, where that does not matter)."""
    entries = [entry for entry in recording.entries if entry.stream is not None and entry.stream.is_of(edit.symbol, edit.channel)]
    last = len(entries) - (1 if edit.kind == "swap" else 0)
    if not 1 <= edit.k <= last:
        raise RecordingError(
            f"cannot {edit.kind} message {edit.k} of {edit.symbol} {edit.channel}: the recording has {len(entries)} of them"
            + (" and swapping needs a next one" if edit.kind == "swap" else "")
        )
    return entries[edit.k - 1], entries[min(edit.k, len(entries) - 1)]
