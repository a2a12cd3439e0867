"""What arrived lately, kept in memory: the newest row of every series, the buckets that still fill, the open end of ranges.

Live panels ask for the same few buckets again and again. A store answers each time by reading all their rows; here every row is
added once, when it arrives, and an answer costs as much as there are series. Whatever cannot be answered exactly is left to the store.
"""

from tapewatch.query.recent.recent import Recent
from tapewatch.query.recent.standing import Standing, step_us

__all__ = ["Recent", "Standing", "step_us"]
