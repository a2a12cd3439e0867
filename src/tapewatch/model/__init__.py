"""The language: tables, columns, units, rows and questions; no I/O, imports nothing of ours."""
