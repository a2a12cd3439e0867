"""What one source may send: rows and bytes a second, and series. A source beyond its limits harms itself alone."""

from tapewatch.ingest.limits.rates import Rates
from tapewatch.ingest.limits.series import SeriesLimit

__all__ = ["Rates", "SeriesLimit"]
