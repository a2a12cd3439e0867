"""What a DuckDB store writes down about itself, and the statements that read and keep it."""

from __future__ import annotations

BOOKS = (
    "CREATE SCHEMA IF NOT EXISTS hot",
    "CREATE SCHEMA IF NOT EXISTS cold",
    "CREATE SCHEMA IF NOT EXISTS books",
    "CREATE TABLE IF NOT EXISTS books.format (version INTEGER)",
    "CREATE TABLE IF NOT EXISTS books.kinds (table_name VARCHAR, column_name VARCHAR, kind VARCHAR)",
    "CREATE TABLE IF NOT EXISTS books.marks (client VARCHAR, sequence BIGINT)",
    "CREATE TABLE IF NOT EXISTS books.tiers (table_name VARCHAR, label VARCHAR, since_us BIGINT, until_us BIGINT)",
    "CREATE TABLE IF NOT EXISTS books.late (table_name VARCHAR, start_us BIGINT)",
    "CREATE TABLE IF NOT EXISTS books.dropped (table_name VARCHAR, before_us BIGINT)",
    "CREATE TABLE IF NOT EXISTS books.bodies (digest VARCHAR, received_us BIGINT)",
    "CREATE TABLE IF NOT EXISTS books.parts (table_name VARCHAR, day_us BIGINT)",
)
"""What the store writes down about itself."""


class BookStatements:
    """Statements over the books; a part of `tapewatch.store.dialect.DuckDBDialect`."""

    def kinds(self) -> str:
        """Columns of table ``$name`` and the kinds that they were made with."""
        return "SELECT column_name, kind FROM books.kinds WHERE table_name = $name"

    def keep_kind(self) -> str:
        """Note the kind of one column."""
        return "INSERT INTO books.kinds VALUES ($name, $column, $kind)"

    def marks(self) -> str:
        """All delivery marks."""
        return "SELECT client, sequence FROM books.marks"

    def keep_marks(self) -> str:
        """Note marks given as lists ``$client`` and ``$sequence``."""
        return "INSERT INTO books.marks SELECT unnest(CAST($client AS VARCHAR[])), unnest(CAST($sequence AS BIGINT[]))"

    def forget_marks(self) -> str:
        """Delete marks up to a sequence number per client, given as lists ``$client`` and ``$sequence``."""
        old = "SELECT unnest(CAST($client AS VARCHAR[])) AS client, unnest(CAST($sequence AS BIGINT[])) AS sequence"
        return f"DELETE FROM books.marks AS held USING ({old}) AS old WHERE held.client = old.client AND held.sequence <= old.sequence"

    def tiers(self) -> str:
        """All tiers that are kept, and what they hold."""
        return "SELECT table_name, label, since_us, until_us FROM books.tiers"

    def forget_tier(self) -> str:
        """Forget what tier ``$label`` of table ``$name`` holds."""
        return "DELETE FROM books.tiers WHERE table_name = $name AND label = $label"

    def keep_tier(self) -> str:
        """Note what tier ``$label`` of table ``$name`` holds; forget it first."""
        return "INSERT INTO books.tiers VALUES ($name, $label, $since, $until)"

    def late(self) -> str:
        """Stretches of time whose summaries are due again."""
        return "SELECT table_name, start_us FROM books.late"

    def keep_late(self) -> str:
        """Note stretches of table ``$name`` that begin at the moments in list ``$starts``."""
        return "INSERT INTO books.late SELECT $name, unnest(CAST($starts AS BIGINT[]))"

    def forget_late(self) -> str:
        """Forget them again."""
        return "DELETE FROM books.late WHERE table_name = $name AND start_us IN (SELECT unnest(CAST($starts AS BIGINT[])))"

    def dropped(self) -> str:
        """By table the moment before which its rows are gone."""
        return "SELECT table_name, max(before_us) FROM books.dropped GROUP BY 1"

    def forget_dropped(self) -> str:
        """Forget that moment of table ``$name``."""
        return "DELETE FROM books.dropped WHERE table_name = $name"

    def keep_dropped(self) -> str:
        """Note it; forget the one before first."""
        return "INSERT INTO books.dropped VALUES ($name, $before)"

    def bodies(self) -> str:
        """All bodies known by their digest."""
        return "SELECT digest, received_us FROM books.bodies"

    def keep_bodies(self) -> str:
        """Note bodies given as lists ``$digest`` and ``$received_us``."""
        return "INSERT INTO books.bodies SELECT unnest(CAST($digest AS VARCHAR[])), unnest(CAST($received_us AS BIGINT[]))"

    def forget_bodies(self) -> str:
        """Delete the bodies received at or before ``$until_us``."""
        return "DELETE FROM books.bodies WHERE received_us <= $until_us"

    def parts_of_days(self) -> str:
        """Table and day of what moved in parts, of the days that began before ``$before``; the oldest first."""
        return "SELECT DISTINCT table_name, day_us FROM books.parts WHERE day_us < $before ORDER BY day_us, table_name"

    def keep_part(self) -> str:
        """Note that rows of table ``$name`` moved before their day ``$day`` was over."""
        return "INSERT INTO books.parts VALUES ($name, $day)"

    def forget_parts(self) -> str:
        """Forget that table ``$name`` moved in parts on day ``$day``."""
        return "DELETE FROM books.parts WHERE table_name = $name AND day_us = $day"
