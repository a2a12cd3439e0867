"""A batch against its table: accepted rows, refused rows and values with their reasons. Pure, column by column.

The rules, the same for every receiver and collector:

- an unknown table refuses its rows, an unknown column only its values;
- a missing tag refuses the row; ``source``, ``env`` and ``host`` fall back to what the sender said of itself;
- a value of the wrong type, out of range or not among the states is null and flagged; the row is kept;
- NaN and infinity are null, flagged and counted; a numpy column may use NaN for a missing value;
- times are integer microseconds or ISO 8601 with an offset; a row without ``ts`` happened when it was received;
- a ``ts`` more than five minutes ahead becomes the time of receipt, one older than the table keeps refuses the row;
- rows of one series that get the time of receipt stand one microsecond apart, so that none replaces another.
"""

from tapewatch.ingest.validate.batch import validate
from tapewatch.ingest.validate.book import KEPT_REFUSALS, Defaults, Judged, Tally

__all__ = ["KEPT_REFUSALS", "Defaults", "Judged", "Tally", "validate"]
