"""What an answer of the server means for the batch that was sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import cast

from tapewatch_client.transport import Reply

RETRY_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Complaint:
    """One refusal in the server's words; ``column`` is None when the whole row was refused."""

    table: str
    column: str | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Settled:
    """The batch is done.

    Attributes:
        delivered: Rows accepted.
        refused: Rows not accepted.
        reasons: Refusals of rows and values, by reason.
        noted: Remarks on accepted values, by remark.
        complaints: The refusals that the answer lists.
    """

    delivered: int
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    noted: dict[str, int] = field(default_factory=dict[str, int])
    complaints: tuple[Complaint, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """The same batch is to be sent again, not before ``wait_s`` seconds when the server asked for a pause."""

    error: str
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The batch exceeds the server's limit."""

    complaint: Complaint


def judge(reply: Reply, rows: int) -> Settled | Retry | TooLarge:
    """Decide what becomes of a batch of ``rows`` rows after ``reply``."""
    document = _document(reply.body)
    if reply.status in RETRY_STATUSES or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Retry(_words(reply, document), _seconds(reply.retry_after))
    accepted = document.get("accepted")
    if reply.status in (HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY) and isinstance(accepted, int):
        return _settled(document, accepted, rows)
    if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return Retry(f"HTTP {reply.status} without the count of accepted rows: is this tapewatch?")
    complaint = Complaint("", None, _code(reply, document), _words(reply, document))
    return TooLarge(complaint) if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else refuse_all(rows, complaint)


def refuse_all(rows: int, complaint: Complaint) -> Settled:
    """A batch of which nothing was accepted, for one reason."""
    return Settled(0, rows, {complaint.reason: rows}, {}, (complaint,))


def _settled(document: dict[str, object], accepted: int, rows: int) -> Settled:
    if document.get("duplicate") is True and not accepted:  # stored by an earlier attempt whose answer got lost
        return Settled(rows)
    delivered = min(max(accepted, 0), rows)
    complaints = tuple(_complaint(_dict(each)) for each in _list(document.get("refused")))
    reasons: dict[str, int] = {}
    for complaint in complaints:
        reasons[complaint.reason] = reasons.get(complaint.reason, 0) + 1
    total = document.get("refused_total")
    if isinstance(total, int) and total > len(complaints):
        reasons["not_listed"] = total - len(complaints)
    noted = {name: count for name, count in _dict(document.get("noted")).items() if isinstance(count, int)}
    return Settled(delivered, rows - delivered, reasons, noted, complaints)


def _complaint(refusal: dict[str, object]) -> Complaint:
    column = refusal.get("column")
    return Complaint(
        table=str(refusal.get("table", "")),
        column=None if column is None else str(column),
        reason=str(refusal.get("reason", "unknown")),
        message=str(refusal.get("message", "")),
    )


def _document(body: bytes) -> dict[str, object]:
    try:
        return _dict(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _code(reply: Reply, document: dict[str, object]) -> str:
    return str(_dict(document.get("error")).get("code") or f"http_{reply.status}")


def _words(reply: Reply, document: dict[str, object]) -> str:
    message = _dict(document.get("error")).get("message")
    if message:
        return f"HTTP {reply.status}: {message}"
    return f"HTTP {reply.status}, moved to {reply.location}" if reply.location else f"HTTP {reply.status}"


def _seconds(retry_after: str | None) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3): seconds or a date; at most five minutes, None when unreadable."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after) if retry_after.strip().isdigit() else _until(retry_after)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_S)


def _until(moment: str) -> float:
    return (parsedate_to_datetime(moment).astimezone(UTC) - datetime.now(UTC)).total_seconds()
