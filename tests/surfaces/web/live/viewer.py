"""The browser's side of a topic, as `ui/src/frames.ts` does it: snapshots replace, deltas merge."""

import json
from typing import Any

from tapewatch.surfaces.web.live.messages import FrameMessage


class Viewer:
    """Holds the frame that a person would see."""

    def __init__(self) -> None:
        self.frame: dict[str, Any] | None = None
        self.snapshots = 0
        self.deltas = 0
        self.rows_sent = 0

    def receive(self, message: FrameMessage | dict[str, Any]) -> None:
        """Take a frame message."""
        data = json.loads(message.text) if isinstance(message, FrameMessage) else message
        frame = data["frame"]
        self.rows_sent += frame["rows"]
        if data["kind"] == "snapshot":
            self.snapshots += 1
            self.frame = frame
            return
        self.deltas += 1
        assert self.frame is not None, "a delta before any snapshot"
        self.frame = merged(self.frame, frame, data["replace_from_us"])

    def rows(self, since_us: int = 0) -> list[tuple[Any, ...]]:
        """What is seen row by row, with status and notes, from a bucket on."""
        assert self.frame is not None
        return rows_of(self.frame, since_us)


def merged(before: dict[str, Any], delta: dict[str, Any], from_us: int) -> dict[str, Any]:
    """Rows from ``from_us`` on are replaced, rows before the new start fall out, all else is taken over."""
    times = before["columns"][0]["values"]
    kept = [row for row, at_us in enumerate(times) if delta["start_us"] <= at_us < from_us]
    columns: list[dict[str, Any]] = []
    for old, new in zip(before["columns"], delta["columns"], strict=True):
        column = {**new, "values": [old["values"][row] for row in kept] + new["values"]}
        if "status" in new:
            column["status"] = [old["status"][row] for row in kept] + new["status"]
        notes = {str(at): old["notes"][str(row)] for at, row in enumerate(kept) if str(row) in old.get("notes", {})}
        notes |= {str(int(row) + len(kept)): note for row, note in new.get("notes", {}).items()}
        if notes:
            column["notes"] = notes
        columns.append(column)
    return {**delta, "columns": columns, "rows": len(kept) + delta["rows"]}


def rows_of(frame: dict[str, Any], since_us: int = 0) -> list[tuple[Any, ...]]:
    """Rows of a frame as tuples of value, status and note."""
    return [
        tuple(_cell(column, row) for column in frame["columns"])
        for row in range(frame["rows"])
        if frame["columns"][0]["values"][row] >= since_us
    ]


def _cell(column: dict[str, Any], row: int) -> tuple[Any, ...]:
    status = column["status"][row] if "status" in column else None
    return column["name"], json.dumps(column["values"][row], sort_keys=True), status, column.get("notes", {}).get(str(row))
