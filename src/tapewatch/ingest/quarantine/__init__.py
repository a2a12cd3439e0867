"""Rows and values that no table or column is declared for: kept as they came, within bounds, until they are adopted.

A quarantined row is a row of table ``quarantine``, written in the transaction of the delivery that it came with. Adopting it writes
the row into its table and takes the content out of the quarantine, again in one transaction: whatever is interrupted, each row is in
exactly one of the two places.
"""

from tapewatch.ingest.quarantine.adoption import Adoption
from tapewatch.ingest.quarantine.move import Moved
from tapewatch.ingest.quarantine.propose import Proposal
from tapewatch.ingest.quarantine.quarantine import Hold, KeptBefore, Quarantine

__all__ = ["Adoption", "Hold", "KeptBefore", "Moved", "Proposal", "Quarantine"]
