"""How rows are seen again: the store, a question, and a panel over the live connection."""

from __future__ import annotations

import json
import time
from typing import Any

from tapewatch.commands.links.base import CANARY, Finding, Link, Walk, broken, hidden, sound
from tapewatch.commands.links.feeding import AWAY
from tapewatch.commands.spooled import told_by
from tapewatch.query.verdict import duration

WITHIN_S = 5.0
LOOK_S = 0.2
DASHBOARD, PANEL_ID = "system", "doctor"


def look_at_store(walk: Walk) -> Finding:
    """Whether the row can be read back as it was written."""
    if walk.store_trouble:
        if not walk.store_trouble.startswith(AWAY):
            return hidden("the row did not get so far")
        fix = "free some space" if walk.is_full else "mend what it says"
        return broken(walk.store_trouble, f"{fix}: it goes on by itself, and nothing acknowledged is lost")
    frame, waiting = _once_out_of_the_spool(walk)
    if frame["state"] != "live":
        return broken(f"the store does not answer: {frame.get('error')}", "see the server's log")
    if waiting and not frame["rows"]:
        why = f"the row waits in the server's spool, one of {waiting} that the store is taking"
        return broken(why, "ask again when it has them: nothing acknowledged is lost")
    if frame["rows"] != 1:
        return broken(f"the row was acknowledged, and the store has it {frame['rows']} times", "keep the data directory and report it")
    return sound("the row is in it")


def _once_out_of_the_spool(walk: Walk) -> tuple[dict[str, Any], int]:
    """The row as the store has it, and how many accepted rows waited in the server's spool before that question."""
    until_s = walk.clock.monotonic_s() + WITHIN_S
    while True:
        waiting = told_by(walk.server).waiting  # first: a row that does not wait any more must be found
        frame = _asked(walk, {"mode": "rows", "column": "host,walk"})
        if frame["rows"] or not waiting or walk.clock.monotonic_s() >= until_s:
            return frame, waiting
        time.sleep(LOOK_S)


def look_at_query(walk: Walk) -> Finding:
    """Whether a question computes with the row."""
    frame = _asked(walk, {"measure": "count()"})
    counts = [value for column in frame["columns"] if column["name"] == "count" for value in column["values"]]
    if frame["state"] != "live" or counts != [1]:
        return broken(f"a question that should count 1 row counts {counts}", "see the server's log")
    return sound(f"a question about it took {frame['query_ms']:.1f} ms")


def _asked(walk: Walk, parameters: dict[str, str]) -> dict[str, Any]:
    return walk.server.get("/api/query", {"table": CANARY, "last": "1h", "where": f"walk:{walk.name}", **parameters})


def look_at_panel(walk: Walk) -> Finding:
    """Whether the panel of the System dashboard shows the row, as a browser would get it."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    headers = {"Authorization": f"Bearer {walk.token}"} if walk.token else {}
    address = f"ws{walk.server.url.removeprefix('http')}/api/live"
    asked = {"op": "subscribe", "id": "doctor", "dashboard": DASHBOARD, "panel": PANEL_ID, "range": {"last_s": 300}}
    until_s = walk.clock.monotonic_s() + WITHIN_S
    try:
        with connect(address, additional_headers=headers, open_timeout=WITHIN_S, close_timeout=1) as link:
            link.send(json.dumps(asked))
            while (left_s := until_s - walk.clock.monotonic_s()) > 0:
                finding = _read(walk, json.loads(link.recv(timeout=left_s)))
                if finding is not None:
                    return finding
    except TimeoutError:
        pass  # a link that is silent is as broken as one that tells something else
    except (OSError, WebSocketException) as error:
        return broken(f"the live connection {address} failed: {error}", "let whatever stands before the server pass WebSockets")
    return broken(f"the panel {DASHBOARD}/{PANEL_ID} did not show the row within {WITHIN_S:g} s", "look at /health and the server's log")


def _read(walk: Walk, message: dict[str, Any]) -> Finding | None:
    """What a message of the live connection says about the row; None when it is about something else."""
    if message["op"] == "error":
        return broken(f"the panel {DASHBOARD}/{PANEL_ID}: {message['message']}", "let the server and this command be of one version")
    if message["op"] != "frame":
        return None
    columns = {column["name"]: column["values"] for column in message["frame"]["columns"]}
    if walk.name not in columns.get("walk", ()):
        return None
    at_us = columns["ts"][columns["walk"].index(walk.name)]
    return sound(f"the System page shows it, {duration(max(0, walk.clock.now_us() - at_us))} after it was sent")


STORE = Link("store", look_at_store, ("server", "receiver"))
QUERY = Link("query", look_at_query, ("server", "receiver", "ingest", "store"))
PANEL = Link("panel", look_at_panel, ("server", "receiver", "ingest", "store"))
