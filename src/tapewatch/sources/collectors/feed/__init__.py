"""Measures exchange feeds: freshness, gaps, order, latency."""
