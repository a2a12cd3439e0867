"""Showing and telling."""
