"""Looks for what stands beside tapewatch on this host, so that it can be connected: one file per system that is looked for."""

from __future__ import annotations

from tapewatch.sources.nearby.base import Kind
from tapewatch.sources.nearby.freqtrade import FREQTRADE
from tapewatch.sources.nearby.postgresql import POSTGRESQL
from tapewatch.sources.nearby.prometheus import EXPORTERS
from tapewatch.sources.nearby.questdb import QUESTDB
from tapewatch.sources.nearby.rabbitmq import RABBITMQ
from tapewatch.sources.nearby.redis import REDIS

KINDS: tuple[Kind, ...] = (FREQTRADE, POSTGRESQL, QUESTDB, RABBITMQ, REDIS, *EXPORTERS)
"""Every system that is looked for, in the order of the page."""
