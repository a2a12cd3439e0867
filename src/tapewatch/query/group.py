"""Series that are judged together, as one tile or line shows them: the worst finding wins. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tapewatch.query.verdict import Finding, Verdict, is_stale

if TYPE_CHECKING:
    from tapewatch.query.series import Series

Member = tuple["Series", Finding, "int | None"]
"""A series, the worst finding about it, and since when."""


def combined(table: str, key: dict[str, str], members: Sequence[Member], now_us: int) -> Verdict:
    """The verdict on all members together, of which there is at least one: the worst finding, the newest row, every source."""
    first, found, since_us = members[0]
    newest_us, expected_us = first.newest_us, first.expected_us
    sources, about = {first.source}, found.about
    for series, finding, began_us in members[1:]:
        if is_worse(finding, found):
            about = finding.about if finding.status is not found.status else ""
            found, since_us = finding, began_us
        elif finding.status is found.status:
            about = about if finding.about == about else ""
            if finding == found and began_us is not None:
                since_us = began_us if since_us is None else min(since_us, began_us)
        newest_us = max(newest_us, series.newest_us)
        spacing_us = series.expected_us
        if spacing_us is not None:
            expected_us = spacing_us if expected_us is None else max(expected_us, spacing_us)
        sources.add(series.source)
    stale = is_stale(now_us - newest_us, expected_us)
    return Verdict(table, key, tuple(sorted(sources)), found.status, found.reason, since_us, newest_us, expected_us, stale, about)


def is_worse(finding: Finding, than: Finding) -> bool:
    """Whether a finding weighs more: among equals, what ails the series itself weighs more than one of its numbers."""
    if finding.status is not than.status:
        return finding.status.rank > than.status.rank
    return bool(than.about) and not finding.about
