"""The feed collector as a collector; what it measures is tested in the folder feed."""

from typing import Any, ClassVar

from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.testing.collectors import CollectorSuite


class TestContract(CollectorSuite):
    kind = FeedCollector
    settings: ClassVar[dict[str, Any]] = {"venue": "coinbase", "symbols": ["BTC/USD"], "url": "ws://127.0.0.1:1/", "interval_s": 1}
