"""The language: units, tables, rows, questions. No input or output; imports nothing else of ours but errors."""
