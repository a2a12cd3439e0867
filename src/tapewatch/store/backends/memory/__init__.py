"""Rows in memory: the reference by which every other store is judged."""

from tapewatch.store.backends.memory.store import MemoryStore

__all__ = ["MemoryStore"]
