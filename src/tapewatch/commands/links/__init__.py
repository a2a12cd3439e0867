"""The links of the chain from the settings to a panel, in its order; doctor looks at each."""

from __future__ import annotations

from tapewatch.commands.links.base import Link
from tapewatch.commands.links.feeding import COLLECTORS, INGEST, RECEIVER
from tapewatch.commands.links.reading import PANEL, QUERY, STORE
from tapewatch.commands.links.standing import SERVER, SETTINGS

LINKS: tuple[Link, ...] = (SETTINGS, SERVER, COLLECTORS, RECEIVER, INGEST, STORE, QUERY, PANEL)
"""Rows pass them in this order, so that the first broken one is the cause of what is broken behind it."""
