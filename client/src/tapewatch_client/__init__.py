"""Send metrics from bots and daemons to tapewatch: never blocks, never raises, standard library only."""

from tapewatch_client.client import Client, Clock
from tapewatch_client.daemon import daemon_row
from tapewatch_client.stats import Stats
from tapewatch_client.watch import Watch

__all__ = ["Client", "Clock", "Stats", "Watch", "daemon_row"]
