"""tapewatch: see at a glance whether your market data, bots and servers are alive, late or wrong."""

from importlib.metadata import version

__version__ = version("tapewatch")

__all__ = ["__version__"]
