"""Accepted deliveries on disk while the store is away."""

from tapewatch.ingest.spool.replayed import Replayed, received_at
from tapewatch.ingest.spool.set_aside import SetAside, Tried
from tapewatch.ingest.spool.store_spool import WAITING, SpoolFull, StoreSpool, name_of

__all__ = ["WAITING", "Replayed", "SetAside", "SpoolFull", "StoreSpool", "Tried", "name_of", "received_at"]
