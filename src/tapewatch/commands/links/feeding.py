"""How rows come in: collectors, the receiver, and ingest, which acknowledges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tapewatch.clock import US_PER_S
from tapewatch.commands.links.base import CANARY, Finding, Link, Walk, broken, hidden, sound
from tapewatch.errors import ServerRefused, StoreFull, StoreUnavailable, TapewatchError
from tapewatch.query.verdict import duration

AWAY = "The store is away"
"""How the server begins what it says when the store does not take rows."""

_GONE_US = 600 * US_PER_S
_BAD = frozenset({"degraded", "down"})


def look_at_collectors(walk: Walk) -> Finding:
    """The last run of each: of the server's own, of the settings', and of agents elsewhere."""
    if walk.status["store"]["state"] != "ok":
        return hidden("their runs cannot be kept while the store is away")
    try:
        frame = walk.server.get("/api/query", {"table": "collector_run", "mode": "latest", "last": "24h"})
    except TapewatchError as error:
        return hidden(f"runs are not known: {error}")
    runs = _records(frame)
    verdicts = {tuple(sorted(series["key"].items())): series for series in frame["series"]}
    configured = set(walk.settings.collectors) if walk.settings else set[str]()
    for run in runs:
        finding = _judged(run, verdicts, configured, walk.clock.now_us())
        if finding is not None:
            return finding
    missing = sorted(configured - {run["collector"] for run in runs})
    if missing:
        return broken(
            f"collector {missing[0]} is in the settings and has not run in the last day", "start the server again, with these settings"
        )
    return sound(f"{len(runs)} ran, none failed" if runs else "none has run yet")


def _judged(
    run: Mapping[str, Any], verdicts: Mapping[tuple[Any, ...], Mapping[str, Any]], configured: set[str], now_us: int
) -> Finding | None:
    """What is wrong: the last run failed, or a collector of the settings has fallen silent."""
    name, age_us = run["collector"], max(0, now_us - run["ts"])
    age = duration(age_us)
    if name not in configured and age_us > _GONE_US:
        return None  # of an agent that is gone, or of settings before these
    if run["ok"] is False:
        return broken(
            f"collector {name} failed {age} ago: {run['error']}", f"see to what it asks, or to [collectors.{name}] in the settings"
        )
    key = tuple(sorted((tag, run[tag]) for tag in ("env", "host", "collector")))
    told = verdicts.get(key, {})
    if name in configured and told.get("status") in _BAD:
        return broken(f"collector {name} last ran {age} ago: {told.get('reason')}", "see the server's log")
    return None


def _records(frame: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{column["name"]: column["values"][row] for column in frame["columns"]} for row in range(frame["rows"])]


def look_at_receiver(walk: Walk) -> Finding:
    """Whether a row can be handed in over HTTP; what became of it is ingest's."""
    row = {"host": walk.host, "walk": walk.name}
    try:
        walk.receipt = walk.server.post("/api/rows", {"table": CANARY, "source": "doctor", "rows": [row]})
    except ServerRefused as refusal:
        if refusal.reason not in {StoreUnavailable.code, StoreFull.code}:
            return broken(f"POST /api/rows answers {refusal.status}: {refusal}", "its words say what it wants")
        walk.store_trouble = str(refusal)
    except TapewatchError as error:
        return broken(f"POST /api/rows: {error}", "see the server's log")
    _ask_for_store(walk)
    return sound("POST /api/rows takes a row")


def _ask_for_store(walk: Walk) -> None:
    """Whether the store is away, now that it had a row to take: a server with a spool takes rows all the same."""
    store = walk.server.get("/api/status")["store"]
    if store["state"] != "ok":
        walk.store_trouble = f"{AWAY}: {store['message']}"
        walk.is_full = store["is_full"]


def look_at_ingest(walk: Walk) -> Finding:
    """Whether the row was acknowledged."""
    is_away = walk.store_trouble.startswith(AWAY)
    if is_away and walk.receipt is None:
        return sound("promises nothing that it cannot keep: the store does not take the row")
    if walk.receipt is None:
        return broken(f"the row was not acknowledged: {walk.store_trouble}", "senders keep their rows; look at Delays on the System page")
    if walk.receipt["accepted"] != 1:
        reasons = "; ".join(str(refusal["message"]) for refusal in walk.receipt["refused"])
        return broken(f"the row was refused: {reasons}", "the server is of another version than this command: use its own")
    if is_away:
        return sound("acknowledged, which means on disk: the row waits in the server's spool")
    health = _health(walk)
    if health:
        return broken(health, "look at Delays on the System page, and at what else runs on the host")
    return sound("acknowledged, which means on disk")


def _health(walk: Walk) -> str:
    """Why the server calls itself unhealthy although it took the row."""
    try:
        walk.server.get("/health")
    except ServerRefused as refusal:
        return str(refusal)
    return ""


COLLECTORS = Link("collectors", look_at_collectors, ("server",))
RECEIVER = Link("receiver", look_at_receiver, ("server",))
INGEST = Link("ingest", look_at_ingest, ("server", "receiver"))
