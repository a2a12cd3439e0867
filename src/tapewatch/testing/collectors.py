"""What every collector must hold: subclass `CollectorSuite`, say how it is configured and what it reads, run with pytest."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, cast

import httpx2

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError, SourceError
from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tapewatch.sources.base import Collector, Context
from tapewatch.sources.from_settings import build_collector, settings_of
from tapewatch.testing.scripted_http import Scripted, ScriptedServer

STREAM_S = 2.5
"""How long an endless collector is listened to."""

PROMPT_S = 1.0
"""Within this time a cancelled collector has ended."""

_HANGS = Scripted({}, delay_s=60)
_WRONG = (
    Scripted(b"", 500),
    Scripted(b"<html>no</html>", 404),
    Scripted(b"<html>hello</html>"),
    Scripted(b""),
    Scripted([1, 2]),
    Scripted(None),
    Scripted({"nothing": "expected"}),
    Scripted({}, 302, headers=("Location: http://127.0.0.1:1/",)),
)


class CollectorSuite:
    """The contract of a collector. Subclasses set the class variables."""

    kind: ClassVar[type[Collector]]
    """The class under test."""

    settings: ClassVar[Mapping[str, Any]]
    """Its settings; the text ``URL`` stands for the address of a server that gives the answers."""

    answers: ClassVar[Sequence[object]] = ()
    """For a collector that asks over HTTP: documented JSON answers, each worth at least one row."""

    # --- what it declares --------------------------------------------------------------------------------------------

    def test_it_says_what_it_is(self) -> None:
        """Its kind is a word, its tables exist, and it is a frozen dataclass."""
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.kind.kind)
        assert self.kind.tables
        assert set(self.kind.tables) <= set(Catalog())
        assert isinstance(self.kind.busy, bool)
        assert (self.kind.__doc__ or "").strip()
        assert is_dataclass(self.kind)
        assert cast("Any", self.kind).__dataclass_params__.frozen

    def test_every_setting_has_a_sentence(self) -> None:
        """Fields that are no settings are not part of the constructor."""
        for field in fields(cast("Any", self.kind)):
            assert field.name != "kind"
            assert field.init != field.name.startswith("_"), f"{field.name}: settings have public names, what is remembered has not"
            if field.init:
                assert field.metadata.get("sentence", "").endswith("."), field.name

    def test_it_is_made_from_settings_and_says_what_it_refuses(self) -> None:
        """A wrong key and a wrong type are named with what is allowed."""
        made = self._made("http://127.0.0.1:1/")
        assert made.period_s is None or made.period_s > 0
        first = next(iter(settings_of(self.kind)), "nonsense")
        for key, value, words in (("nonsense", 1, "no such setting; allowed are kind"), (first, object(), "is not ")):
            refused = self._refused({**self.settings, key: value})
            assert refused is not None, f"{key} = {value!r} was accepted"
            assert f"collectors.mine.{key}" in str(refused)
            assert words in str(refused)
            assert refused.path == ("collectors", "mine", key)

    # --- what it gives -----------------------------------------------------------------------------------------------

    def test_its_rows_fit_their_tables(self) -> None:
        """Only declared tables and known columns, and nothing that validation refuses."""
        batches = asyncio.run(self._batches())
        assert any(batch.count for batch in batches)
        catalog = Catalog()
        for batch in batches:
            assert batch.table in self.kind.tables
            judged = validate(
                batch, catalog[batch.table], names=Names(), now_us=SystemClock().now_us(), defaults=Defaults("mine", "test", "h1")
            )
            assert judged.refusals == []

    def test_a_system_that_does_not_answer_as_it_should_gives_an_error_and_no_row(self) -> None:
        """Status, shape and silence are told with the address, without its password."""
        if self.answers:
            asyncio.run(self._fails())

    def test_cancelling_ends_it_promptly(self) -> None:
        """Also while it waits for an answer."""
        asyncio.run(self._is_cancelled())

    # --- how -----------------------------------------------------------------------------------------------------------

    def _made(self, url: str) -> Collector:
        given = {key: url if value == "URL" else value for key, value in self.settings.items()}
        return build_collector("mine", {"kind": self.kind.kind, **given}, [self.kind])

    def _refused(self, settings: Mapping[str, Any]) -> ConfigError | None:
        try:
            build_collector("mine", {"kind": self.kind.kind, **settings}, [self.kind])
        except ConfigError as error:
            return error
        return None

    async def _batches(self) -> list[RawBatch]:
        server = ScriptedServer([Scripted(answer) for answer in self.answers] or [Scripted({})])
        async with server, _context() as context:
            collector = self._made(server.url)
            if collector.period_s is None:
                return await _listen(collector, context)
            polls = [await _poll(collector, context) for _ in range(max(2, len(self.answers)))]
            return [batch for poll in polls for batch in poll]

    async def _fails(self) -> None:
        for answer in _WRONG:
            async with ScriptedServer([answer]) as server, _context() as context:
                await self._fails_at(server.url, context)
        async with _context() as context:
            await self._fails_at("http://127.0.0.1:1/", context)

    async def _fails_at(self, url: str, context: Context) -> None:
        batches: list[RawBatch] = []
        told = ""
        try:
            batches += await _poll(self._made(url.replace("//", "//user:hunter2@")), context)
        except SourceError as error:
            told = str(error)
        assert not any(batch.count for batch in batches), "a row was invented"
        assert url.rpartition("@")[2].removeprefix("http://") in told
        assert "hunter2" not in told

    async def _is_cancelled(self) -> None:
        async with ScriptedServer([_HANGS]) as server, _context() as context:
            collector = self._made(server.url)
            reading = asyncio.create_task(_poll(collector, context) if collector.period_s else _listen(collector, context))
            await asyncio.sleep(0.1)
            reading.cancel()
            await asyncio.wait([reading], timeout=PROMPT_S)
            assert reading.done(), f"it still runs {PROMPT_S:g} s after it was cancelled"


@asynccontextmanager
async def _context() -> AsyncGenerator[Context]:
    async with httpx2.AsyncClient(timeout=5.0, trust_env=False) as http:
        yield Context("mine", "test", "h1", SystemClock(), lambda: http)


async def _poll(collector: Collector, context: Context) -> list[RawBatch]:
    return [batch async for batch in collector.collect(context)]


async def _listen(collector: Collector, context: Context) -> list[RawBatch]:
    found: list[RawBatch] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STREAM_S):
            async for batch in collector.collect(context):
                found += [batch]
    return found
