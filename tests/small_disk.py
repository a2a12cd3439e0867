"""A disk that is soon full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size, such as 1m.

    Raises:
        PermissionError: Only root may mount one.
    """
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PermissionError(f"a small disk cannot be mounted here (root can): {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """The same in a test: who may not mount one fails in CI and is skipped, with the reason, elsewhere."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(mounted(folder, size))
        except PermissionError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
        yield disk


def fill(disk: Path) -> Path:
    """The file that takes all that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return filler
    return filler
