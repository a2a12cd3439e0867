"""A small market-data daemon, as people run them: trades and liquidations by stream, open interest and funding by request."""

from tapewatch.desk.daemon.daemon import MarketDaemon, Schedule

__all__ = ["MarketDaemon", "Schedule"]
