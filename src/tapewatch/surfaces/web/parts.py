"""What the web surface is built from; `tapewatch.app` fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tapewatch.clock import Clock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Adoption
from tapewatch.model.catalog import Catalog
from tapewatch.query.retirements import Retirements, Silence
from tapewatch.query.run import QueryEngine
from tapewatch.sources.base import Receiver
from tapewatch.sources.nearby.look import Nearby
from tapewatch.store.base import Store
from tapewatch.surfaces.dashboards.panel import Dashboard
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live.hub import Hub

STATIC = Path(__file__).parent / "static"
"""Where the built page lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything `tapewatch.surfaces.web.app.build_web` needs.

    Attributes:
        version: Of tapewatch.
        bound_host: Address the server listens on.
        allowed_hosts: Further names by which it may be called.
        token: Bearer token; empty for none.
        source_tokens: Source to the token that lets in its rows and no others.
        max_body_bytes: Largest request body, as sent and unpacked.
        catalog: All tables.
        intake: Takes rows.
        engine: Answers questions.
        store: For readiness and sizes.
        dashboards: In the order of the rail.
        board: Verdicts, and the worst of them per dashboard.
        hub: Live panels.
        receivers: What is accepted under which path.
        adoption: Moves what waits in quarantine into tables.
        retirements: Says which series have stopped for good.
        write_silences: Makes what became of series durable.
        clock: The time.
        health: Gives the reasons why the server is not healthy; none when it is.
        nearby: Looks for what stands beside on this host.
        metrics: Gives numbers about the server: component to metric, with the unit in its name, to value.
        static_dir: Where the built page lies.
        settings_file: The file of the settings, as an absolute path; empty when there is none.
    """

    version: str
    bound_host: str
    allowed_hosts: tuple[str, ...]
    token: str
    max_body_bytes: int
    catalog: Catalog
    intake: Intake
    engine: QueryEngine
    store: Store
    dashboards: tuple[Dashboard, ...]
    board: StatusBoard
    hub: Hub
    receivers: tuple[Receiver, ...]
    adoption: Adoption
    retirements: Retirements
    write_silences: Callable[[Sequence[Silence]], Awaitable[None]]
    clock: Clock
    health: Callable[[], Sequence[str]]
    nearby: Nearby
    metrics: Callable[[], Mapping[str, Mapping[str, float]]]
    static_dir: Path = STATIC
    source_tokens: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    settings_file: str = ""
