"""The reference keeps the contract too."""

from __future__ import annotations

from pathlib import Path

from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Store
from tapewatch.testing.stores import StoreSuite


class TestMemoryStore(StoreSuite):
    def open_store(self, directory: Path) -> Store:
        return MemoryStore()
