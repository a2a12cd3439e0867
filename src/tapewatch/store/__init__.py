"""Keeping rows: the protocol, the SQL dialects and the backends."""
