"""A batch against its table: accepted rows, refused rows and values with their reasons. Pure, column by column.

The rules, the same for every receiver and collector:

- rows of an unknown table, and the values of an unknown column, go to quarantine where there is one, else they are refused;
- rows of more new series than a source may begin are refused, those of known ones are not;
- a missing tag refuses the row; ``source``, ``env`` and ``host`` fall back to what the sender said of itself;
- a value of the wrong type, out of range or not among the states is null and flagged; the row is kept;
- NaN and infinity are null, flagged and counted; a numpy column may use NaN for a missing value;
- times are integer microseconds or ISO 8601 with an offset; a row without ``ts`` happened when it was received;
- a ``ts`` more than five minutes ahead becomes the time of receipt, one older than the table keeps refuses the row;
- rows of one series that get the time of receipt stand one microsecond apart, so that none replaces another.
"""

from tapewatch.ingest.validate.batch import validate
from tapewatch.ingest.validate.book import KEPT_REFUSALS, Defaults, Judged, Tally
from tapewatch.ingest.validate.border import Border, Excess, Keeper, Room, SeriesGate, Stray

__all__ = ["KEPT_REFUSALS", "Border", "Defaults", "Excess", "Judged", "Keeper", "Room", "SeriesGate", "Stray", "Tally", "validate"]
