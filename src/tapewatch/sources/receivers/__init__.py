"""One file per protocol that is accepted."""

from __future__ import annotations

from tapewatch.sources.base import Receiver
from tapewatch.sources.receivers.json_rows import JsonRows
from tapewatch.sources.receivers.line_protocol import InfluxLines, QuestDBLines
from tapewatch.sources.receivers.ping import Ping

RECEIVERS: tuple[Receiver, ...] = (JsonRows(), QuestDBLines(), InfluxLines(), Ping())
"""Every protocol; receivers hold nothing, so one of each serves all."""
