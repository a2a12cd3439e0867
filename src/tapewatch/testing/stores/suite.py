"""The whole contract of a store."""

from __future__ import annotations

from tapewatch.testing.stores.asking import AskingSuite
from tapewatch.testing.stores.differential import DifferentialSuite
from tapewatch.testing.stores.identity import IdentitySuite
from tapewatch.testing.stores.measuring import MeasuringSuite
from tapewatch.testing.stores.writing import WritingSuite


class StoreSuite(WritingSuite, IdentitySuite, AskingSuite, MeasuringSuite, DifferentialSuite):
    """Everything a store promises; a subclass says in `open_store` how it is opened.

    Example::

        class TestMyStore(StoreSuite):
            def open_store(self, directory: Path) -> Store:
                return MyStore(directory)
    """
