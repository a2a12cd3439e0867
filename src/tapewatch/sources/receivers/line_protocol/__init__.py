"""The line protocol over HTTP, as the clients of QuestDB and of InfluxDB write it.

A body is read in bulk (`quick`), what is unusual line by line (`line`, the reference), and becomes one batch for each table
(`columns`), whose values take the form that the columns of the table want (`kinds`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from tapewatch.errors import SourceError
from tapewatch.model.rows import Delivery
from tapewatch.sources.base import Received
from tapewatch.sources.receivers.line_protocol.columns import gather
from tapewatch.sources.receivers.line_protocol.grammar import INFLUX, QUESTDB, UNITS_NS
from tapewatch.sources.receivers.line_protocol.quick import Quick
from tapewatch.sources.shown import shown

_NAMES = ("source", "env", "host")


class QuestDBLines:
    """Lines as the clients of QuestDB send them: a body with a line that is refused changes nothing."""

    name: ClassVar[str] = "questdb_lines"
    paths: ClassVar[tuple[str, ...]] = ("/write",)

    def __init__(self) -> None:
        self._quick = Quick(QUESTDB)

    def receive(self, body: bytes, content_type: str, query: Mapping[str, str], path: Mapping[str, str]) -> Received:
        """See `Receiver.receive`."""
        return _received(body, query, self._quick, "questdb")


class InfluxLines:
    """Lines as the clients of InfluxDB 2 and Telegraf send them: good lines are kept, the others are told."""

    name: ClassVar[str] = "influx_lines"
    paths: ClassVar[tuple[str, ...]] = ("/api/v2/write",)

    def __init__(self) -> None:
        self._quick = Quick(INFLUX)

    def receive(self, body: bytes, content_type: str, query: Mapping[str, str], path: Mapping[str, str]) -> Received:
        """See `Receiver.receive`."""
        return _received(body, query, self._quick, "influx")


def _received(body: bytes, query: Mapping[str, str], quick: Quick, default_source: str) -> Received:
    precision = query.get("precision") or "ns"
    unit_ns = UNITS_NS.get(precision)
    if unit_ns is None:
        raise SourceError(f"precision is {shown(precision)!r}; it takes {', '.join(UNITS_NS)}", permanent=True)
    found = gather(quick.read(body), unit_ns)
    sender = {name: query.get(name, "") for name in _NAMES}
    delivery = Delivery(tuple(found.batches), sender["source"] or default_source, sender["env"] or "live", sender["host"] or None)
    digest = None
    if found.batches and found.all_timed:
        said = "\0".join([default_source, str(unit_ns), *sender.values(), ""])
        hashed = hashlib.sha256(said.encode(errors="replace"))
        hashed.update(body)
        digest = hashed.hexdigest()
    return Received(delivery, tuple(found.refusals), digest)
