"""RabbitMQ: offered the protocol's version, to which it answers who it is; its log has a line for a client that went away then."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tapewatch.sources.nearby.base import Door, Kind, Offer, Process
from tapewatch.sources.nearby.http import http_judged, http_question

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
"""AMQP 0-9-1, section 4.2.2; the answer is the frame ``connection.start`` with the server's properties."""
MANAGEMENT_PORT = 15672
_START = b"\x01\x00\x00"
_METHOD = b"\x00\x0a\x00\x0a"
_HEAD_BYTES = 7
_WORD = re.compile(rb"\x07(product|version)S(.{4})", re.DOTALL)


def judge(heard: bytes) -> str | None:
    """The frame ``connection.start``: its product and version; another version's header or anything else is not known."""
    if not _START.startswith(heard[: len(_START)]):
        return None
    if len(heard) < _HEAD_BYTES:
        return ""
    size = int.from_bytes(heard[3:_HEAD_BYTES], "big")
    frame = heard[_HEAD_BYTES : _HEAD_BYTES + size]
    if not _METHOD.startswith(frame[: len(_METHOD)]):
        return None
    if len(frame) < size:
        return ""
    said: dict[bytes, str] = {}
    for match in _WORD.finditer(frame):
        length = int.from_bytes(match[2], "big")
        said[match[1]] = frame[match.end() : match.end() + length].decode(errors="replace")
    if said.get(b"product") != "RabbitMQ":
        return None
    return f"It answered AMQP 0-9-1 and calls itself RabbitMQ {said.get(b'version', 'of a version that it does not tell')}."


def judge_management(_: int, headers: Mapping[str, str], __: bytes) -> str | None:
    """The page of its management plugin, which asks for a password under its own name."""
    realm = headers.get("www-authenticate", "")
    return "Its management plugin answered and asks for a password." if "RabbitMQ Management" in realm else None


RABBITMQ = Kind(
    "rabbitmq",
    "RabbitMQ",
    (
        Door(5672, PROTOCOL_HEADER, judge),
        Door(MANAGEMENT_PORT, http_question(MANAGEMENT_PORT, "/api/overview"), http_judged(judge_management)),
    ),
    Process(name="beam.smp", command="rabbit"),
    "tapewatch does not log in to RabbitMQ: queues and consumers are not read.",
    (
        Offer(
            "Whether its node is well",
            "A line for cron on this host: every minute it says that the node answers, or says nothing.",
            "cron",
            "* * * * *  rabbitmq-diagnostics -q ping && curl -fsS http://127.0.0.1:4780/api/ping/rabbitmq",
        ),
    ),
)
