"""Every measured stream as a server knows it: its verdict, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.clock import US_PER_MS, US_PER_S, iso
from tapewatch.model.table import Status
from tapewatch.query.verdict import duration
from tapewatch.surfaces.remote import Remote

TAGS = ("venue", "symbol", "channel", "env", "host")

RANGE = "5min"
"""Over which gaps are added up and latencies merged."""

KNOWN = "30d"
"""A stream whose last row is older than this is not listed; a server keeps rows for less, so that none is left out while there is one."""

MOST = "10000"

NO_REPORT = "no report"
"""In the place of a verdict that is too old to be believed."""

_RANK = {status.value: rank for rank, status in enumerate((Status.DOWN, Status.DEGRADED, Status.UNKNOWN, Status.UP))}


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream; what is unknown is None.

    Attributes:
        key: Its tags.
        status: What the server says of it: up, degraded, down, unknown.
        verdict: What its collector says, or `NO_REPORT`.
        evidence: Why, in a sentence.
        reported_us: Time of its newest row.
        message_us: Time of its newest message.
        rate: Messages a second in the newest row's interval.
        gaps: Gaps within `RANGE`.
        p50_ms: Median of the latency above the best seen within `RANGE`.
        p99_ms: 99th percentile of the same.
    """

    key: Mapping[str, str]
    status: str
    verdict: str
    evidence: str
    reported_us: int
    message_us: int | None
    rate: float | None
    gaps: int | None
    p50_ms: float | None
    p99_ms: float | None

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        at = None if self.message_us is None else iso(self.message_us)
        told = {"status": self.status, "verdict": self.verdict, "evidence": self.evidence, "reported_at": iso(self.reported_us)}
        numbers = {"messages_per_s": self.rate, "gaps": self.gaps, "latency_p50_ms": self.p50_ms, "latency_p99_ms": self.p99_ms}
        return {**self.key, **told, "last_message_at": at, **numbers}


@dataclass(frozen=True, slots=True)
class Streams:
    """All that were asked for, worst first.

    Attributes:
        streams: The streams.
        as_of_us: When the server said so, by its clock.
        trouble: Why even that is not of now; empty when it is.
        is_cut: Whether there are more streams than a server tells at once: the worst may be among the others.
        retired: How many more have stopped for good, by time or by hand; they are not listed.
        unsynchronised: Hosts whose clock is not synchronised: their latencies are not to be trusted.
    """

    streams: Sequence[Stream]
    as_of_us: int
    trouble: str = ""
    unsynchronised: Sequence[str] = ()
    is_cut: bool = False
    retired: int = 0


def read_streams(server: Remote, where: Mapping[str, Sequence[str]]) -> Streams:
    """Ask a server.

    Args:
        server: The server.
        where: Tag to the values that are asked for; empty for all.

    Raises:
        SourceError: It does not answer, or says no.
    """
    filters = [f"{tag}:{','.join(values)}" for tag, values in where.items() if values]
    asked = {"table": "feed", "where": filters, "limit": MOST}
    newest = server.get("/api/query", {**asked, "mode": "latest", "last": KNOWN})
    measures = ["sum(gaps)", "p50(latency_ms_sketch)", "p99(latency_ms_sketch)"]
    recent = server.get("/api/query", {**asked, "measure": measures, "by": list(TAGS), "last": RANGE})
    found = _joined(newest, recent)
    trouble = "; ".join(dict.fromkeys(str(frame["error"]) for frame in (newest, recent) if frame["state"] != "live"))
    is_cut = newest["truncated"] or recent["truncated"]
    return Streams(
        sorted(found, key=_badness), newest["as_of_us"], trouble, tuple(newest["unsynchronised"]), is_cut, len(newest["retired"])
    )


def _joined(newest: Mapping[str, Any], recent: Mapping[str, Any]) -> list[Stream]:
    judged = {_key(series["key"]): series for series in newest["series"]}
    numbers = {_key(row): row for row in _records(recent)}
    as_of_us = newest["as_of_us"]
    return [_stream(row, judged.get(_key(row)) or _unwatched(row, as_of_us), numbers.get(_key(row), {})) for row in _records(newest)]


def _unwatched(row: Mapping[str, Any], as_of_us: int) -> Mapping[str, Any]:
    """What stands in the place of a judgement that the server does not give: that it gives none, and since when there is no row."""
    return {"stale": True, "reason": f"last row {duration(max(0, as_of_us - row['ts']))} ago; the server does not watch it any more"}


def _stream(row: Mapping[str, Any], judged: Mapping[str, Any], numbers: Mapping[str, Any]) -> Stream:
    is_stale = bool(judged.get("stale", True))
    reason = str(judged.get("reason") or "")
    seconds, age_ms, gaps = row["interval_s"], row["age_ms"], numbers.get("sum_gaps")
    return Stream(
        key={tag: str(row[tag]) for tag in TAGS if row[tag] is not None},
        status=str(judged.get("status", Status.UNKNOWN.value)),
        verdict=NO_REPORT if is_stale else row["verdict"] or "unknown",
        evidence=reason if is_stale else _why(row["evidence"] or "", reason),
        reported_us=row["ts"],
        message_us=None if age_ms is None else row["ts"] - round(age_ms * US_PER_MS),
        rate=row["messages"] / seconds if seconds and row["messages"] is not None else None,
        gaps=None if gaps is None else round(gaps),
        p50_ms=numbers.get("p50_latency_ms_sketch"),
        p99_ms=numbers.get("p99_latency_ms_sketch"),
    )


def _why(evidence: str, reason: str) -> str:
    """The collector's sentence, and the server's where that is about something else."""
    return evidence if evidence and (not reason or evidence in reason) else "; ".join(filter(None, (reason, evidence)))


def _records(frame: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{column["name"]: column["values"][row] for column in frame["columns"]} for row in range(frame["rows"])]


def _key(tags: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(tags.get(tag) or "") for tag in TAGS)


def _badness(stream: Stream) -> tuple[int, int, tuple[str, ...]]:
    """Worst first, then what has been silent longest, then by name."""
    return _RANK.get(stream.status, 0), stream.message_us or 0, _key(stream.key)


def age_s(stream: Stream, now_us: int) -> float | None:
    """Seconds since the newest message that is known of."""
    return None if stream.message_us is None else max(0.0, (now_us - stream.message_us) / US_PER_S)
