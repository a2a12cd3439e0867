from __future__ import annotations

from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError
from tapewatch.store import backends
from tapewatch.store.backends import BACKENDS, open_store
from tapewatch.store.base import Backend, Maintained, Resources, Store
from tapewatch.testing.stores import StoreSuite


def module_of(backend: type[Backend]) -> str:
    """Name of the module or package of a backend in its folder."""
    return backend.__module__.removeprefix("tapewatch.store.backends.").split(".")[0]


def held_to_the_contract(backend: type[Backend]) -> type[StoreSuite]:
    """The conformance suite of a backend."""

    class Suite(StoreSuite):
        def open_store(self, directory: Path) -> Store:
            return backend.open(directory, SystemClock(), Resources())

        def tidy(self, store: Store) -> None:
            if isinstance(store, Maintained):
                store.maintain(SystemClock().now_us())

    return Suite


# Every backend runs the suite; one with a folder of tests beside this file runs it there, with more ways to tidy.
for backend in BACKENDS:
    if not Path(__file__).with_name(module_of(backend)).is_dir():
        name = f"Test{backend.__name__}"
        globals()[name] = type(name, (held_to_the_contract(backend),), {})


def test_every_module_of_the_folder_is_in_the_list() -> None:
    folder = Path(backends.__file__).parent
    modules = {path.stem for path in folder.iterdir() if not path.name.startswith("_")}
    assert modules == {module_of(backend) for backend in BACKENDS}


def test_settings_open_a_backend_by_its_name(tmp_path: Path) -> None:
    for backend in BACKENDS:
        store = open_store(backend.capabilities.name, tmp_path, SystemClock())
        assert type(store) is backend
        store.close()


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'sqlite' is not a store; choose one of duckdb, memory"):
        open_store("sqlite", tmp_path, SystemClock())
