"""The tree of settings: frozen; every field has a default, a unit in its name and a sentence."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from tapewatch.errors import ConfigError, ContractError
from tapewatch.model.table import Column, FlagRule, Identity, Kind, Retention, State, Status, Table, Thresholds
from tapewatch.model.unit import UNIT_BY_NAME

DEFAULT_PORT = 4780
ALL_OTHERS = "*"
"""Name in ``sources`` that stands for every source that is not named."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def default_data_dir() -> Path:
    """The user's data directory for tapewatch, as the operating system has it."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "tapewatch"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tapewatch"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Part):
    """Where the server listens and what it takes."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; beyond loopback a token is required.")
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65_535, description="TCP port to listen on.")
    token: SecretStr = Field(default=SecretStr(""), description="Bearer token that every request must carry; empty for none.")
    allowed_hosts: list[str] = Field(
        default_factory=list, description="Further names in the Host header under which the server may be asked."
    )
    max_body_bytes: int = Field(default=16_000_000, ge=1_000, le=1_000_000_000, description="Largest request body, decompressed, in bytes.")


class StoreSettings(_Part):
    """Where rows are kept."""

    kind: str = Field(default="duckdb", description="The engine: duckdb, or memory for rows that end with the process.")
    memory_limit_mb: int = Field(
        default=128, ge=32, le=1_000_000, description="Memory that the embedded engine may use for its own buffers, in MB."
    )
    threads: int = Field(
        default=1, ge=1, le=256, description="Threads for one statement of the embedded engine; more for long questions on cores to spare."
    )
    quota_gb: float = Field(
        default=0, ge=0, description="Most GB that the embedded store keeps: then the oldest raw rows go first. 0 for no limit."
    )
    spool_limit_mb: int = Field(
        default=1_000, ge=1, le=1_000_000, description="Most accepted rows that wait on disk for a store that is away, in MB; then 503."
    )


class HeartbeatSettings(_Part):
    """A sign of life to a service outside, which raises the alarm when it stays away."""

    url: SecretStr = Field(
        default=SecretStr(""), description="Address that is asked by GET while the server is healthy; empty for none. It is never shown."
    )
    every_s: float = Field(default=60.0, ge=1, le=86_400, description="Seconds between two signs.")
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Seconds that the service has to answer.")

    @property
    def is_set(self) -> bool:
        """Whether there is an address."""
        return bool(self.url.get_secret_value())


class ThresholdSettings(_Part):
    """Where a number stops being fine, instead of the catalogue's own line."""

    degraded: float | None = Field(default=None, description="Value from which it is degraded, in the column's unit.")
    down: float | None = Field(default=None, description="Value from which it is down, in the column's unit.")
    above: bool = Field(default=True, description="Whether larger is worse.")
    hold_s: float = Field(default=0.0, ge=0, description="Seconds past a line before it counts.")


class VenueSettings(_Part):
    """A venue of your own."""

    aliases: list[str] = Field(default_factory=list, description="Other names for it.")


def _known_unit(name: str) -> str:
    if name and name not in UNIT_BY_NAME:
        raise ValueError(f"a unit is one of {', '.join(UNIT_BY_NAME)}")
    return name


Unit = Annotated[str, AfterValidator(_known_unit)]


class ColumnSettings(_Part):
    """A column of a table of your own."""

    kind: Kind = Field(description="tag, gauge, counter, interval, state, time, flag, id, text or sketch.")
    sentence: str = Field(description="What it is, in one sentence with a full stop.")
    unit: Unit = Field(default="", description="A unit of the catalogue, such as ms, bytes or ratio.")
    minimum: float | None = Field(default=None, description="Smallest value accepted.")
    maximum: float | None = Field(default=None, description="Largest value accepted.")
    states: dict[str, Status] = Field(default_factory=dict, description="For a state: word to up, unknown, degraded or down; best first.")
    degraded: float | None = Field(default=None, description="Value from which it is degraded.")
    down: float | None = Field(default=None, description="Value from which it is down.")
    above: bool = Field(default=True, description="Whether larger is worse.")
    hold_s: float = Field(default=0.0, ge=0, description="Seconds past a line before it counts.")
    bad: bool | None = Field(default=None, description="For a flag: the value that is bad.")
    down_after_s: float | None = Field(default=None, description="For a flag: seconds of being bad after which it is down.")
    by_clock: bool = Field(default=False, description="For a number: whether it compares the host's time with one from elsewhere.")

    def column(self, name: str) -> Column:
        """The column as the catalogue has it."""
        judged = self.degraded is not None or self.down is not None
        return Column(
            name,
            self.kind,
            self.sentence,
            unit=self.unit,
            nullable=self.kind is not Kind.TAG,
            minimum=self.minimum,
            maximum=self.maximum,
            states=tuple(State(word, status) for word, status in self.states.items()),
            thresholds=Thresholds(self.degraded, self.down, self.above, self.hold_s) if judged else None,
            flag_rule=None if self.bad is None else FlagRule(self.bad, self.down_after_s),
            by_clock=self.by_clock,
        )


class TableSettings(_Part):
    """A table of your own; the same contract as the built-in ones."""

    sentence: str = Field(description="What one row is, in one sentence with a full stop.")
    columns: dict[str, ColumnSettings] = Field(description="Its columns; ts, received_at, source, env and flags are added.")
    identity: Identity = Field(
        default=Identity.MEASUREMENT, description="What makes two rows the same: measurement, event, living or none."
    )
    id_column: str = Field(default="", description="For event and living: the column with the entity's id.")
    retention: Retention = Field(
        default=Retention.STANDARD, description="market (7 days), standard (14 days) or ledger (365 days) of raw rows."
    )

    def table(self, name: str) -> Table:
        """The table as the catalogue has it.

        Raises:
            ConfigError: Names and kinds do not fit together.
        """
        columns: list[Column] = []
        for column_name, column in self.columns.items():
            try:
                columns.append(column.column(column_name))
            except ContractError as error:
                path = ("tables", name, "columns", column_name)
                raise ConfigError(f"{'.'.join(path)}: {str(error).removeprefix(f'column {column_name}: ')}", path=path) from error
        try:
            return Table(name, self.sentence, tuple(columns), self.identity, self.id_column, self.retention)
        except ContractError as error:
            path = ("tables", name)
            raise ConfigError(f"{'.'.join(path)}: {str(error).removeprefix(f'table {name}: ')}", path=path) from error


class QuarantineSettings(_Part):
    """How much is kept of rows and values that no table or column is declared for; beyond it they are refused by name."""

    tables: int = Field(default=100, ge=0, le=10_000, description="Most tables in quarantine.")
    columns: int = Field(default=200, ge=0, le=10_000, description="Most undeclared columns of one table.")
    series: int = Field(default=10_000, ge=0, le=1_000_000, description="Most series: different texts in the rows of one source and table.")
    bytes: int = Field(default=32_000_000, ge=0, le=10_000_000_000, description="Most bytes of all rows in quarantine together.")


class RetireSettings(_Part):
    """When a series that has fallen silent counts as stopped for good: it is left out of verdicts until it speaks again."""

    after_h: float = Field(default=168.0, gt=0, description="Hours of silence; and never before it has missed 30 of its periods.")
    tables: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="Hours for a table of its own: its name to the hours."
    )

    def after_s(self, table: str) -> float:
        """Seconds of silence after which the series of a table are retired."""
        return self.tables.get(table, self.after_h) * 3_600.0


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """The limits that hold for one source: its own, else those of ``*``, else these.

    Attributes:
        rows_per_s: Most rows a second, on average over ten seconds.
        bytes_per_s: Most bytes of unpacked bodies a second, likewise.
        new_series_per_min: Most new series a minute.
        series: Most series that are alive.
    """

    rows_per_s: float = 500_000.0
    bytes_per_s: float = 200_000_000.0
    new_series_per_min: int = 20_000
    series: int = 100_000


_GENEROUS = SourceLimits()


class SourceSettings(_Part):
    """What one source may send; a limit that is left out is that of the source named ``*``."""

    token: SecretStr = Field(
        default=SecretStr(""), description="Bearer token that lets in rows of this source and of no other; empty for none."
    )
    rows_per_s: float | None = Field(
        default=None, gt=0, description=f"Most rows a second, on average over ten seconds; {_GENEROUS.rows_per_s:.0f} when left out."
    )
    bytes_per_s: float | None = Field(
        default=None, gt=0, description=f"Most bytes of unpacked bodies a second, likewise; {_GENEROUS.bytes_per_s:.0f} when left out."
    )
    new_series_per_min: int | None = Field(
        default=None, ge=0, description=f"Most new series a minute; {_GENEROUS.new_series_per_min} when left out."
    )
    series: int | None = Field(
        default=None, ge=0, description=f"Most series that are alive, seen within a day; {_GENEROUS.series} when left out."
    )


class Settings(_Part):
    """All settings of tapewatch."""

    env: str = Field(default="live", description="Environment of rows that do not say, such as live or paper.")
    host: str = Field(default_factory=socket.gethostname, description="Name of this host in every row that it measures.")
    data_dir: Path = Field(default_factory=default_data_dir, description="Directory of the store.")
    server: Server = Field(default_factory=Server, description="Where the server listens and what it takes.")
    store: StoreSettings = Field(default_factory=StoreSettings, description="Where rows are kept.")
    heartbeat: HeartbeatSettings = Field(default_factory=HeartbeatSettings, description="A sign of life to a service outside.")
    watch_self: bool = Field(default=True, description="Whether the server watches its own host.")
    look_nearby: bool = Field(
        default=True, description="Whether the page Connect may ask usual ports of this host, and of no other, what listens there."
    )
    simulated: bool = Field(default=False, description="Whether what is watched is simulated: every page then says paper.")
    collectors: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Systems to ask: name to kind and the fields of its collector."
    )
    tables: dict[str, TableSettings] = Field(default_factory=dict, description="Tables of your own.")
    thresholds: dict[str, ThresholdSettings] = Field(default_factory=dict, description="Thresholds of your own: table.column to a line.")
    venues: dict[str, VenueSettings] = Field(default_factory=dict, description="Venues of your own: id to aliases.")
    symbols: dict[str, str] = Field(default_factory=dict, description="Symbol aliases: symbol, or venue|symbol, to BASE/QUOTE[:SETTLE].")

    quarantine: QuarantineSettings = Field(
        default_factory=QuarantineSettings, description="How much is kept of rows and values that nothing is declared for."
    )
    retire: RetireSettings = Field(
        default_factory=RetireSettings, description="When a series that has fallen silent counts as stopped for good."
    )
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict, description="What a source may send: its name to token and limits; the name * stands for all others."
    )

    def own_tables(self) -> tuple[Table, ...]:
        """The tables of the settings as the catalogue has them.

        Raises:
            ConfigError: One of them is wrong.
        """
        return tuple(table.table(name) for name, table in self.tables.items())

    def own_thresholds(self) -> dict[str, Thresholds]:
        """The lines of the settings as the catalogue has them, by ``table.column``."""
        return {key: Thresholds(line.degraded, line.down, line.above, line.hold_s) for key, line in self.thresholds.items()}

    def limits_of(self, source: str) -> SourceLimits:
        """The limits that hold for a source."""
        found: dict[str, Any] = {}
        for name in (ALL_OTHERS, source):
            if name in self.sources:
                found |= self.sources[name].model_dump(exclude={"token"}, exclude_none=True)
        return SourceLimits(**found)

    def source_tokens(self) -> dict[str, str]:
        """Source to its token, of those that have one.

        Raises:
            ConfigError: A token does not say whose it is.
        """
        found = {name: source.token.get_secret_value() for name, source in self.sources.items() if source.token.get_secret_value()}
        owners: dict[str, str] = {self.server.token.get_secret_value(): "server.token"}
        for name, token in found.items():
            path = ("sources", name, "token")
            if name == ALL_OTHERS:
                raise ConfigError(f"{'.'.join(path)}: a token belongs to one source; give it to a source by its name", path=path)
            if name in self.collectors and not self.server.token.get_secret_value():
                message = f"{'.'.join(path)}: a collector here has this name, and delivers with the token of the server; set server.token"
                raise ConfigError(message, path=path)
            if token in owners:
                message = f"{'.'.join(path)}: it is the same as {owners[token]}; every source needs a token of its own"
                raise ConfigError(message, path=path)
            owners[token] = ".".join(path)
        return found

    @property
    def url(self) -> str:
        """Address of this server as seen from this host."""
        host = "127.0.0.1" if self.server.host in {"0.0.0.0", "::"} else self.server.host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.server.port}" if ":" in host else f"http://{host}:{self.server.port}"
