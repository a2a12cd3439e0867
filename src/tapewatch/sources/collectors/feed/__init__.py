"""Measures exchange feeds: freshness, gaps, order, latency."""

from __future__ import annotations

from tapewatch.sources.collectors.feed.collector import FeedCollector

__all__ = ["FeedCollector"]
