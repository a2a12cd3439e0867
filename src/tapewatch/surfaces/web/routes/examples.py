"""What the description of the HTTP interface says of bodies that are not records: parameters and examples that really work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Documented:
    """One receiver's body.

    Attributes:
        parameters: Name in the address to a sentence.
        examples: Content type to title to body.
    """

    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


_SENDER = {
    "source": "The stable name of the sender.",
    "env": "Environment of rows that do not say; live when not given.",
    "host": "Host of rows that do not say.",
}
_ROW = {"venue": "kraken", "connected": True, "latency_ms": 12.5}

BODIES: Mapping[str, Documented] = {
    "json_rows": Documented(
        parameters={
            "source": "For lines: the stable name of the sender.",
            "env": "For lines: environment of rows that do not say.",
            "host": "For lines: host of rows that do not say.",
        },
        examples={
            "application/json": {
                "rows of one table": {"table": "exchange", "source": "bot", "period_s": 5, "rows": [_ROW]},
                "many rows of one table, as lists below the names of their columns": {
                    "table": "exchange",
                    "source": "bot",
                    "columns": list(_ROW),
                    "rows": [list(_ROW.values())],
                },
                "batches of several tables, with proof of delivery": {
                    "client": "bot-1",
                    "sequence": 1,
                    "source": "bot",
                    "batches": [{"table": "exchange", "period_s": 5, "rows": [_ROW]}],
                },
            },
            "application/x-ndjson": {"one row a line": '{"table": "exchange", "venue": "kraken", "connected": true, "latency_ms": 12.5}'},
        },
    ),
    "questdb_lines": Documented(
        parameters={"precision": "Unit of times that do not say theirs: n, u, ms or s; nanoseconds when not given.", **_SENDER},
        examples={"text/plain": {"one line a row": "exchange,venue=kraken connected=t,latency_ms=12.5,reconnects=3i"}},
    ),
    "influx_lines": Documented(
        parameters={
            "precision": "Unit of the times: ns, us, ms or s; nanoseconds when not given.",
            "bucket": "Not used: tables are known by their names.",
            "org": "Not used.",
            **_SENDER,
        },
        examples={"text/plain": {"one line a row": "exchange,venue=kraken connected=true,latency_ms=12.5,reconnects=3i"}},
    ),
    "ping": Documented(
        parameters={
            "duration_ms": "How long the job took, in milliseconds.",
            "exit_code": "What it ended with; anything but 0 is a failure.",
            "env": "Its environment; live when not given.",
        },
        examples={"text/plain": {"a message, kept with the ping": "backup of 12 tables done"}},
    ),
}
"""By the name of the receiver; one that is not listed is described by its docstring alone."""
