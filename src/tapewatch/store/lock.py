"""One owner per data directory: a lock file that names the owning process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path

from tapewatch.errors import ConfigError

LOCK = "tapewatch.lock"


class DirectoryLock:
    """Holds a directory, made when it is missing, until `release` or the end of the process, however it ends.

    The lock is the kernel's (flock); the process id in the file is only for the message, so a stale one does no harm.

    Raises:
        ConfigError: Another process holds the directory, or the file cannot be written.
    """

    def __init__(self, directory: Path, name: str = LOCK) -> None:
        path = directory / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as problem:
            raise ConfigError(
                f"data: cannot write {path}: {problem.strerror}; choose another data directory or change its rights"
            ) from problem
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            owner = os.read(self._file, 200).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            raise ConfigError(f"data: {directory} is in use by {owner}; stop it or choose another data directory") from problem
        with contextlib.suppress(OSError):  # a full disk must not keep the owner from reading its rows
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"tapewatch process {os.getpid()} on host {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def is_held(directory: Path) -> bool:
    """Whether a process holds a data directory now; one that is not there is held by nobody."""
    try:
        file = os.open(directory / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
