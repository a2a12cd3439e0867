"""The engines that can keep rows, one file or folder each."""

from __future__ import annotations

from pathlib import Path

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Backend, Resources, Store

BACKENDS: tuple[type[Backend], ...] = (DuckDBStore, MemoryStore)
"""Settings name a backend by the ``name`` of its capabilities."""


def open_store(kind: str, directory: Path, clock: Clock, resources: Resources | None = None) -> Store:
    """Open the store that the settings name.

    Args:
        kind: Name of a backend.
        directory: Where a backend that writes files keeps them; made when it is missing.
        clock: For limits on reading time.
        resources: What it may use of the machine.

    Raises:
        ConfigError: No backend has this name, or it cannot be opened.
    """
    return backend_named(kind).open(directory, clock, resources or Resources())


def backend_named(kind: str) -> type[Backend]:
    """The backend that settings call ``kind``.

    Raises:
        ConfigError: No backend has this name.
    """
    for backend in BACKENDS:
        if backend.capabilities.name == kind:
            return backend
    names = ", ".join(backend.capabilities.name for backend in BACKENDS)
    raise ConfigError(f"store.kind: {kind!r} is not a store; choose one of {names}", path=("store", "kind"))
