"""Accepted deliveries on disk while the store is away."""

from tapewatch.ingest.spool.replayed import Replayed
from tapewatch.ingest.spool.store_spool import WAITING, SpoolFull, StoreSpool

__all__ = ["WAITING", "Replayed", "SpoolFull", "StoreSpool"]
