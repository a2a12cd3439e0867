"""One writer for the files of a name: a second one would take the first one's open files for old ones and delete them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from tapewatch.errors import ConfigError

_MOST_DIGITS = 20


class NameLock:
    """Holds ``NAME.ws.lock`` while the files of a name are written.

    The lock is the kernel's (flock) and ends with the process; the process id in the file is only for the message.

    Args:
        directory: Where the files are.
        name: The recorder's.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name
        self._path = directory / f"{name}.ws.lock"
        self._file = -1

    def take(self) -> None:
        """Take it, if it is not held already.

        Raises:
            ConfigError: Somebody else holds it; names the process.
            OSError: The file cannot be made.
        """
        while self._file < 0:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                self._lock(file)
                if self._is_present(file):
                    os.ftruncate(file, 0)
                    os.write(file, f"{os.getpid()}\n".encode())
                    self._file, file = file, -1
            finally:
                if file >= 0:
                    os.close(file)

    def give_back(self) -> None:
        """Let another one write."""
        if self._file >= 0:
            file, self._file = self._file, -1
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            os.close(file)

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = os.pread(file, _MOST_DIGITS, 0).decode(errors="replace").strip() or "unknown"
            raise ConfigError(
                f"record_dir: process {process} writes {self._name!r} into {self._directory} already; "
                "name another directory, or end that process"
            ) from None

    def _is_present(self, file: int) -> bool:
        """Whether the file is still the one of this name: who gave it back has deleted it."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False
