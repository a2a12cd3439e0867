"""What the settings describe, made or opened: tables, names, store and spool; and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError, StoreError
from tapewatch.heartbeat import refuse_no_address
from tapewatch.ingest.spool import StoreSpool
from tapewatch.model.catalog import Catalog
from tapewatch.model.venue import Names
from tapewatch.query.retirements import can_retire
from tapewatch.settings import LOOPBACK, Problem, Settings, collectors_of, parse, problem_of
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.store.backends import backend_named, open_store
from tapewatch.store.base import Recognising, Resources, Store

STORE_SPOOL = "store-spool"
"""Folder of accepted rows that wait for the store, in the data directory."""


def catalog(settings: Settings) -> Catalog:
    """All tables, with those and the thresholds of the settings.

    Raises:
        ConfigError: One of them does not fit; names key, value and what is allowed.
    """
    found = Catalog().with_tables(settings.own_tables()).with_thresholds(settings.own_thresholds())
    for name in settings.retire.tables:
        if name not in found or not can_retire(found[name]):
            known = ", ".join(table.name for table in found.values() if can_retire(table))
            message = f"retire.tables.{name}: there is no table {name!r} whose series are retired; there are {known}"
            raise ConfigError(message, path=("retire", "tables", name))
    return found


def opened_store(settings: Settings, catalog: Catalog, clock: Clock) -> Store:
    """The store of the settings, with every table.

    Raises:
        ConfigError: It cannot be opened, or there is no room for the tables.
    """
    resources = Resources(settings.store.memory_limit_mb, settings.store.threads, round(settings.store.quota_gb * 1e9))
    store = open_store(settings.store.kind, settings.data_dir, clock, resources)
    try:
        for table in catalog.values():
            store.create(table)
    except StoreError as error:
        store.close()
        message = f"data: the store in {settings.data_dir} cannot be used: {error}; see to it or choose another with --data"
        raise ConfigError(message) from error
    return store


def opened_spool(settings: Settings, store: Store) -> StoreSpool:
    """The spool for times when a store is away.

    Raises:
        ConfigError: Its folder cannot be read.
    """
    folder = settings.data_dir / STORE_SPOOL
    try:
        is_known = store.knows if isinstance(store, Recognising) else None
        return StoreSpool(folder, settings.store.spool_limit_mb * 1_000_000, is_known=is_known)
    except OSError as error:
        raise ConfigError(f"data: the spool in {folder} cannot be read: {error.strerror}; see to its rights") from error


def names(settings: Settings) -> Names:
    """Venues and symbols, with those of the settings."""
    return Names.extended({venue: own.aliases for venue, own in settings.venues.items()}, settings.symbols)


def refuse_open_door(settings: Settings) -> None:
    """Listening beyond this host needs a token.

    Raises:
        ConfigError: There is none.
    """
    if settings.server.host not in LOOPBACK and not settings.server.token.get_secret_value():
        message = f"server.host: {settings.server.host} is reachable from other hosts; set server.token (or listen on 127.0.0.1)"
        raise ConfigError(message, path=("server", "host"))


def settings_problems(text: str) -> list[Problem]:
    """All that is wrong with the text of a settings file, collectors and tables included; starts nothing."""
    settings, found = parse(text)
    named = settings.collectors if settings is not None else collectors_of(text)
    checks: list[Callable[[], object]] = [partial(collector_from_settings, name, fields) for name, fields in named.items()]
    if settings is not None:
        checks += [partial(refuse_open_door, settings), partial(catalog, settings), partial(backend_named, settings.store.kind)]
        checks += [partial(refuse_no_address, settings.heartbeat)]
    for check in checks:
        try:
            check()
        except ConfigError as error:
            found.append(problem_of(error, text))
    return sorted(found, key=lambda problem: problem.line or 0)
