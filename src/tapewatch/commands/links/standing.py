"""The settings, and whether there is a server at all."""

from __future__ import annotations

from tapewatch.commands.links.base import Finding, Link, Walk, broken, sound
from tapewatch.errors import ConfigError, ServerRefused, SourceError, StoreError
from tapewatch.settings import Settings, read_text
from tapewatch.store.backends import backend_named
from tapewatch.store.base import Copied
from tapewatch.store.lock import is_held

_UNAUTHORIZED = 401


def look_at_settings(walk: Walk) -> Finding:
    """Whether `tapewatch check` finds nothing."""
    from tapewatch.opening import settings_problems

    if walk.settings_path is None:
        return sound("no settings file: the defaults are fine")
    try:
        problems = settings_problems(read_text(walk.settings_path))
    except ConfigError as error:
        return broken(str(error), "name another with --config")
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return broken(f"{walk.settings_path}: {problems[0]}{more}", "mend that line; `tapewatch check` lists all that is wrong")
    return sound(f"{walk.settings_path}: nothing wrong")


def look_at_server(walk: Walk) -> Finding:
    """Whether it answers, knows the token, and calls itself healthy."""
    try:
        walk.status = walk.server.get("/api/status")
    except ServerRefused as refusal:
        if refusal.status == _UNAUTHORIZED:
            how = "give the token of its settings with --token or in TAPEWATCH_TOKEN"
            return broken(f"{walk.server.url}: {str(refusal).partition(';')[0]}", how)
        return broken(f"{walk.server.url}: {refusal}", "its log has the details")
    except SourceError as error:
        words = str(error).partition("; is `tapewatch up`")[0]
        return broken(f"{words}; {_at_rest(walk.settings)}", "start it with `tapewatch up`, or name its address with --url")
    return sound(f"{walk.server.url} answers")


def _at_rest(settings: Settings | None) -> str:
    """What can be said of the store without a server."""
    if settings is None:
        return "its store is not known"
    directory = settings.data_dir
    if is_held(directory):
        return f"a process holds the store in {directory} all the same"
    backend = backend_named(settings.store.kind)
    if not issubclass(backend, Copied) or not directory.is_dir():
        return f"there is no store in {directory}"
    try:
        rows = sum(backend.read_copy(directory).rows_by_table.values())
    except StoreError as error:
        return f"the store at rest is not sound: {error}"
    return f"the store in {directory} is at rest with {rows} rows"


SETTINGS = Link("settings", look_at_settings)
SERVER = Link("server", look_at_server)
