"""One file per family of tables, each ending in its tuple."""
