"""Asking: one question, any store, every answer judged."""
