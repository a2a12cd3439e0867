"""Every receiver in its folder is in the tuple, and says who it is."""

import importlib
import pkgutil

from tapewatch.sources import receivers
from tapewatch.sources.receivers import RECEIVERS


def test_every_module_of_the_folder_is_registered() -> None:
    modules = {f"{receivers.__name__}.{module.name}" for module in pkgutil.iter_modules(receivers.__path__)}

    assert {type(receiver).__module__ for receiver in RECEIVERS} == modules
    for module in modules:
        importlib.import_module(module)


def test_names_and_paths_are_unique() -> None:
    paths = [path for receiver in RECEIVERS for path in receiver.paths]

    assert len(set(paths)) == len(paths)
    assert len({receiver.name for receiver in RECEIVERS}) == len(RECEIVERS)
    assert {path for path in paths if not path.startswith("/api/")} <= {"/write"}, "only where another system's clients fix the path"


def test_every_receiver_has_a_sentence() -> None:
    assert all((type(receiver).__doc__ or "").strip() for receiver in RECEIVERS)
