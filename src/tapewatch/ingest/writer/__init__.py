"""Group commit: what waits is written in one transaction, and each sender is told when its rows are durable."""

from tapewatch.ingest.writer.job import Job
from tapewatch.ingest.writer.limits import Limits
from tapewatch.ingest.writer.overflow import NOT_FOR_SPOOL
from tapewatch.ingest.writer.writer import Writer

__all__ = ["NOT_FOR_SPOOL", "Job", "Limits", "Writer"]
