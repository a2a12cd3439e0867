"""How much room the store has: on its disk, and within its quota."""

from __future__ import annotations

import shutil

from tapewatch.errors import StoreUnavailable
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.dialect import DuckDBDialect

RESERVE_BYTES = 1_000_000_000
"""Of the disk, for rows that come: work that can wait leaves it alone."""


class Room:
    """Asks the disk and the engine.

    Args:
        database: The file.
        dialect: Its statements.
        quota_bytes: Most bytes of live data; 0 for no limit.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, quota_bytes: int) -> None:
        self._database = database
        self._dialect = dialect
        self.quota_bytes = quota_bytes

    def free_bytes(self) -> int:
        """Free bytes of the disk.

        Raises:
            StoreUnavailable: The folder of the file is gone.
        """
        try:
            return shutil.disk_usage(self._database.path.parent).free
        except OSError as error:
            raise StoreUnavailable(f"the disk of {self._database.path} cannot be asked: {error.strerror}") from error

    def used_bytes(self) -> int:
        """Bytes of live data, the log included."""
        with self._database.reading("the store"):
            found = self._database.cursor().execute(self._dialect.used_bytes()).fetchone()
        return (int(found[0]) if found else 0) + self._database.log_bytes

    def require(self, wanted_bytes: int) -> None:
        """Let work that can wait take so much for a while, if neither incoming rows nor old ones suffer from it.

        Raises:
            NoRoom: They would.
            StoreUnavailable: The disk or the store cannot be asked.
        """
        if self.free_bytes() < wanted_bytes + RESERVE_BYTES:
            raise NoRoom(
                f"{wanted_bytes >> 20} MB and a reserve of {RESERVE_BYTES >> 20} MB are not free on the disk of {self._database.path}"
            )
        if self.quota_bytes and self.used_bytes() + wanted_bytes > self.quota_bytes:
            raise NoRoom(f"{wanted_bytes >> 20} MB more would exceed the quota of {self.quota_bytes >> 20} MB")


class NoRoom(StoreUnavailable):
    """The disk or the quota has too little room for work that can wait."""
