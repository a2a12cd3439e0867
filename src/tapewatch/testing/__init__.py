"""Conformance suites that are shipped, so that other implementations can run them."""
