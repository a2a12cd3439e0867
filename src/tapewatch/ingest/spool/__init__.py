"""Accepted deliveries on disk while the store is away."""

from tapewatch.ingest.spool.store_spool import SpoolFull, StoreSpool

__all__ = ["SpoolFull", "StoreSpool"]
