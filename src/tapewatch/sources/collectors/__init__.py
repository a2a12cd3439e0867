"""One file per system that is read."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.sources.base import Collector
from tapewatch.sources.collectors.daemon import DaemonCollector
from tapewatch.sources.collectors.exchange import ExchangeCollector
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.host import HostCollector
from tapewatch.sources.collectors.own import SelfCollector, StorageCollector
from tapewatch.sources.collectors.pipeline import PipelineCollector
from tapewatch.sources.collectors.process import ProcessCollector
from tapewatch.sources.collectors.websocket import WebsocketCollector
from tapewatch.sources.from_settings import build_collector

COLLECTORS: tuple[type[Collector], ...] = (
    DaemonCollector,
    ExchangeCollector,
    PipelineCollector,
    FeedCollector,
    HostCollector,
    ProcessCollector,
    WebsocketCollector,
)
"""Every kind that the settings can name."""

BUILT_IN: tuple[type[Collector], ...] = (SelfCollector, StorageCollector)
"""Those that the server makes for itself: they need objects, not settings."""


def collector_from_settings(name: str, fields: Mapping[str, object]) -> Collector:
    """Make the collector ``[collectors.NAME]`` of the settings.

    Raises:
        ConfigError: Names key, value and what is allowed.
    """
    return build_collector(name, fields, COLLECTORS)
