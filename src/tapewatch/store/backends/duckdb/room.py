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

    def has(self, wanted_bytes: int) -> bool:
        """Whether work that can wait may take so much for a while: neither incoming rows nor old ones are to suffer from it.

        Raises:
            StoreUnavailable: The disk or the store cannot be asked.
        """
        if self.free_bytes() < wanted_bytes + RESERVE_BYTES:
            return False
        return not self.quota_bytes or self.used_bytes() + wanted_bytes <= self.quota_bytes
