"""Series that are judged together, as one tile or line shows them: the worst finding wins, and what is retired stands apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.model.table import Table
from tapewatch.query.known import Series
from tapewatch.query.steady import passed_us
from tapewatch.query.verdict import Finding, Verdict, is_stale

Keep = Callable[[Mapping[str, str]], bool]
"""Which series are meant, by their tags, ``source`` included."""

Member = tuple[Series, Finding, int | None]
"""A series, the worst finding about it, and since when."""


@dataclass(frozen=True, slots=True)
class Retired:
    """Series of which none is alive any more, as one tile or line would show them.

    Attributes:
        table: Table of the series.
        key: Tag to value, without ``source``.
        sources: Who reported it.
        newest_us: ``ts`` of the newest row.
        retired_us: When the last of them was retired.
        why: By whom, or by what rule, as a sentence without a full stop.
    """

    table: str
    key: dict[str, str]
    sources: tuple[str, ...]
    newest_us: int
    retired_us: int
    why: str


def grouped(members: Iterable[Member], table: Table, names: Sequence[str], keep: Keep | None) -> dict[tuple[str, ...], list[Member]]:
    """Members by the values of some tags; only those that are meant."""
    all_names = (*table.tags, "source")
    places = [all_names.index(name) for name in names]
    groups: dict[tuple[str, ...], list[Member]] = {}
    for member in members:
        words = (*member[0].key, member[0].source)
        if keep is None or keep(dict(zip(all_names, words, strict=True))):
            groups.setdefault(tuple([words[place] for place in places]), []).append(member)
    return groups


def retired_together(table: str, key: dict[str, str], members: Sequence[Series]) -> Retired:
    """What is told of retired series of one group, of which there is at least one."""
    found = [(series, series.retired) for series in members if series.retired is not None]
    _, last = max(found, key=lambda pair: pair[1].at_us)
    sources = tuple(sorted({series.source for series in members}))
    return Retired(table, key, sources, max(series.newest_us for series in members), last.at_us, last.why)


def combined(table: str, key: dict[str, str], members: Sequence[Member], now_s: float) -> Verdict:
    """The verdict on all members together, of which there is at least one: the worst finding, the newest row, every source."""
    first, found, since_us = members[0]
    newest_us, newest_s, expected_us = first.newest_us, first.newest_s, first.expected_us
    sources, about = {first.source}, found.about
    for series, finding, began_us in members[1:]:
        if is_worse(finding, found):
            about = finding.about if finding.status is not found.status else ""
            found, since_us = finding, began_us
        elif finding.status is found.status:
            about = about if finding.about == about else ""
            if finding == found and began_us is not None:
                since_us = began_us if since_us is None else min(since_us, began_us)
        newest_us, newest_s = max(newest_us, series.newest_us), max(newest_s, series.newest_s)
        spacing_us = series.expected_us
        if spacing_us is not None:
            expected_us = spacing_us if expected_us is None else max(expected_us, spacing_us)
        sources.add(series.source)
    stale = is_stale(passed_us(newest_s, now_s), expected_us)
    return Verdict(table, key, tuple(sorted(sources)), found.status, found.reason, since_us, newest_us, expected_us, stale, about)


def is_worse(finding: Finding, than: Finding) -> bool:
    """Whether a finding weighs more: among equals, what ails the series itself weighs more than one of its numbers."""
    if finding.status is not than.status:
        return finding.status.rank > than.status.rank
    return bool(than.about) and not finding.about
