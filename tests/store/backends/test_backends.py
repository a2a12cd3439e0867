from __future__ import annotations

from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError
from tapewatch.store import backends
from tapewatch.store.backends import BACKENDS, open_store
from tapewatch.store.base import Store


def test_every_module_of_the_folder_is_in_the_list() -> None:
    folder = Path(backends.__file__).parent
    modules = {path.stem for path in folder.iterdir() if not path.name.startswith("_")}
    assert modules == {backend.__module__.removeprefix("tapewatch.store.backends.").split(".")[0] for backend in BACKENDS}


def test_settings_open_a_backend_by_its_name(tmp_path: Path) -> None:
    for backend in BACKENDS:
        store: Store = open_store(backend.capabilities.name, tmp_path, SystemClock())
        assert isinstance(store, backend)
        store.close()


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'sqlite' is not a store; choose one of duckdb, memory"):
        open_store("sqlite", tmp_path, SystemClock())
