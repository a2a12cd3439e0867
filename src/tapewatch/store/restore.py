"""Putting a backup in the place of a store: verified first, then in one step."""

from __future__ import annotations

import shutil
from pathlib import Path

from tapewatch.errors import ConfigError, StoreRejected, StoreUnavailable
from tapewatch.store.backup import PARTIAL, Manifest, copied, described, verify_backup, verify_contents
from tapewatch.store.durable import sync
from tapewatch.store.lock import LOCK, DirectoryLock


def restore_backup(backup: Path, directory: Path, *, replace: bool = False) -> tuple[Manifest, Path | None]:
    """Make a backup the store of a data directory that no server uses.

    The files are copied beside the store, compared and opened there, and take its name last: an interruption leaves what was there.

    Args:
        backup: Directory of the backup; it stays as it is.
        directory: The data directory.
        replace: Whether it may hold something already; a store in it is kept under another name, spools are left alone.

    Returns:
        The manifest, and where the store is kept that was there before.

    Raises:
        ConfigError: A server uses the data directory.
        StoreRejected: The backup is damaged, or the directory is not empty.
        StoreUnavailable: There is no room.
    """
    manifest = verify_backup(backup)
    lock = DirectoryLock(directory)
    try:
        found = sorted({path.name for path in directory.iterdir()} - {LOCK, PARTIAL})
        if found and not replace:
            raise StoreRejected(
                f"restore: {directory} is not empty, it has {', '.join(found[:3])}; choose another directory, or --replace to put"
                " the backup in the place of the store there"
            )
        return manifest, _put(backup, directory, manifest)
    finally:
        lock.release()


def _put(backup: Path, directory: Path, manifest: Manifest) -> Path | None:
    partial = directory / PARTIAL
    needed, free = sum(file.bytes for file in manifest.files), shutil.disk_usage(directory).free
    if needed > free:
        raise StoreUnavailable(f"restore: {needed >> 20} MB are needed in {directory}, {free >> 20} MB are free; free some space")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
        for file in manifest.files:
            shutil.copyfile(backup / file.name, partial / file.name)
            sync(partial / file.name)
            if described(partial / file.name) != file:
                raise StoreRejected(f"restore: {partial / file.name} is not what was copied; check the disk of {directory}")
        verify_contents(partial, manifest)
        return copied(manifest).place_copy(partial, directory)
    except OSError as problem:
        raise StoreUnavailable(f"restore: cannot write {directory}: {problem.strerror}; free some space or choose another") from problem
    except ConfigError as problem:
        raise StoreRejected(str(problem)) from problem
    finally:
        shutil.rmtree(partial, ignore_errors=True)
