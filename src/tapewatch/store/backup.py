"""Backups: a directory with the files of a store at one moment, and a manifest by which they are verified before they are used."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from tapewatch.clock import Clock, iso
from tapewatch.errors import StoreRejected, StoreUnavailable
from tapewatch.store.backends import BACKENDS
from tapewatch.store.base import Contents, Copied, Store
from tapewatch.store.durable import sync

MANIFEST = "manifest.json"
PARTIAL = "partial"
"""Folder inside a backup or a data directory for what is not complete; one that a kill left there may go."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds; written last, so that a directory without one is not a backup.

    Attributes:
        store: The engine, as the settings name it.
        format: Version of the layout of its files.
        tapewatch: Version of tapewatch that wrote it.
        taken_at: When, in UTC.
        rows: All rows.
        rows_by_table: Rows of each table.
        files: Its files.
    """

    store: str
    format: int
    tapewatch: str
    taken_at: str
    rows: int
    rows_by_table: dict[str, int]
    files: tuple[KeptFile, ...]


def write_backup(store: Store, directory: Path, clock: Clock, version: str) -> Manifest:
    """Copy an open store into an empty or new directory, and verify the copy.

    Args:
        store: What is copied; rows may arrive meanwhile.
        directory: Made when it is missing.
        clock: For the moment in the manifest.
        version: Of tapewatch.

    Raises:
        StoreRejected: The store has no files, or the directory is not empty.
        StoreUnavailable: The copy could not be written; what was written of it is removed.
    """
    name = store.capabilities.name
    if not isinstance(store, Copied):
        raise StoreRejected(f"the {name} store keeps no files that could be backed up; migrate its rows to a store that does")
    partial = directory / PARTIAL
    _refuse_full(directory)
    taken_at = iso(clock.now_us())
    try:
        partial.mkdir(parents=True)
        contents = store.write_copy(partial)
        files = tuple(described(path) for path in sorted(partial.iterdir()))
        for file in files:
            (partial / file.name).replace(directory / file.name)
        partial.rmdir()
        manifest = Manifest(name, contents.format, version, taken_at, sum(contents.rows_by_table.values()), contents.rows_by_table, files)
        _write_manifest(directory, manifest)
    except OSError as problem:
        shutil.rmtree(partial, ignore_errors=True)
        raise StoreUnavailable(f"backup: cannot write {directory}: {problem.strerror}; free some space or choose another") from problem
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def _refuse_full(directory: Path) -> None:
    """Raise unless the directory is missing or empty, apart from what a killed backup left."""
    if directory.exists() and not directory.is_dir():
        raise StoreRejected(f"backup: {directory} is a file; name a directory")
    found = sorted(path.name for path in directory.iterdir()) if directory.exists() else []
    if MANIFEST in found:
        raise StoreRejected(f"backup: {directory} holds a backup of {read_manifest(directory).taken_at}; name a new directory")
    if set(found) - {PARTIAL}:
        raise StoreRejected(f"backup: {directory} is not empty, it has {found[0]}; name a new directory")
    shutil.rmtree(directory / PARTIAL, ignore_errors=True)


def _write_manifest(directory: Path, manifest: Manifest) -> None:
    path = directory / f"{MANIFEST}.new"
    path.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    sync(path)
    path.replace(directory / MANIFEST)
    sync(directory)


def read_manifest(directory: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        StoreRejected: There is no backup, or its manifest cannot be read.
    """
    path = directory / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise StoreRejected(f"{directory} is no complete backup: it has no {MANIFEST}") from problem
    except (OSError, msgspec.DecodeError) as problem:
        raise StoreRejected(f"{path} cannot be read: {problem}") from problem


def verify_backup(directory: Path) -> Manifest:
    """Read every byte of a backup, open it and count its rows; give its manifest.

    Raises:
        StoreRejected: Something is not as the manifest says; names it.
    """
    manifest = read_manifest(directory)
    for file in manifest.files:
        path = directory / file.name
        try:
            found = described(path)
        except OSError as problem:
            raise StoreRejected(f"the backup is damaged: {path} cannot be read: {problem.strerror}") from problem
        if found != file:
            what = f"{found.bytes} bytes instead of {file.bytes}" if found.bytes != file.bytes else "other bytes than were written"
            raise StoreRejected(f"the backup is damaged: {path} has {what}; take another backup")
    verify_contents(directory, manifest)
    return manifest


def verify_contents(directory: Path, manifest: Manifest) -> None:
    """Open the files of a backup and compare what they hold with its manifest.

    Raises:
        StoreRejected: They hold something else, or cannot be opened.
    """
    contents = copied(manifest).read_copy(directory)
    if contents != Contents(manifest.format, manifest.rows_by_table):
        raise StoreRejected(f"the backup is damaged: {directory} does not hold the rows that its {MANIFEST} names; take another backup")


def copied(manifest: Manifest) -> type[Copied]:
    """The engine of a backup.

    Raises:
        StoreRejected: This tapewatch has no such engine, or it has no files.
    """
    for backend in BACKENDS:
        if backend.capabilities.name == manifest.store and issubclass(backend, Copied):
            return backend
    raise StoreRejected(f"the backup is of a {manifest.store} store, which this tapewatch does not have")


def described(path: Path) -> KeptFile:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return KeptFile(path.name, path.stat().st_size, digest.hexdigest())
