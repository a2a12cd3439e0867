"""The contract of a store as tests: subclass `StoreSuite`, say how to open the store, and run it with pytest."""

from tapewatch.testing.stores.suite import StoreSuite

__all__ = ["StoreSuite"]
