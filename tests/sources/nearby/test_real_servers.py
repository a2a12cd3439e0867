"""The real programs, started here on ports of their own: each is found by its own answer, and what is offered for it works."""

import asyncio
import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import prometheus_client
import pytest

from tapewatch.clock import SystemClock
from tapewatch.sources.base import Context
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.sources.http_json import SharedHttp
from tapewatch.sources.nearby import KINDS
from tapewatch.sources.nearby.asking import ask
from tapewatch.sources.nearby.base import Answer, Door, Neighbour, State
from tapewatch.sources.nearby.look import Nearby
from tests.server import unused_port
from tests.sizes import ROOT

pytestmark = pytest.mark.services

BY_NAME = {kind.name: kind for kind in KINDS}
CONTEXT = Context("", "live", "here", SystemClock(), SharedHttp(1.0))
PATIENCE_S = 3.0
"""The product's own limit is for servers that have time; this machine runs other tests meanwhile."""


def needed(program: str | None, what: str) -> str:
    """A program; without it the test fails in CI and is skipped, with the reason, elsewhere."""
    if program is None:
        reason = f"no {what} on this machine: `make services` installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return program


@asynccontextmanager
async def started(*command: str, user: str | None = None, environment: dict[str, str] | None = None) -> AsyncIterator[None]:
    """A program that ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        user=user,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def door_at(name: str, port: int, number: int = 0) -> Door:
    return replace(BY_NAME[name].doors[number], port=port)


async def found(name: str, door: Door, within_s: float = 20.0) -> Answer:
    """What it says as soon as it listens."""
    async with asyncio.timeout(within_s):
        while True:
            answer = await ask(door, "127.0.0.1", BY_NAME[name].title, PATIENCE_S)
            if answer.state not in {State.NOTHING, State.SILENT}:
                return answer
            await asyncio.sleep(0.1)


async def neighbour(name: str, door: Door) -> Neighbour:
    """The same through the whole look, which also looks at processes."""
    look = await Nearby((replace(BY_NAME[name], doors=(door,)),), CONTEXT, own_port=0, is_on=True).look()
    assert look is not None
    return look.neighbours[0]


async def running_by_offer(one: Neighbour) -> bool:
    """Whether the collector of the offered settings finds the process."""
    tables = [tomllib.loads(offer.code)["collectors"] for offer in one.offers if offer.language == "toml"]
    [collector] = [collector_from_settings(name, fields) for table in tables for name, fields in table.items()]
    batches = [batch async for batch in collector.collect(CONTEXT)]
    return batches[0].columns["running"][0] is True


def works(command: str, port: int) -> bool:
    """Whether the part of an offered line before the ping says yes, at another port than the usual one."""
    asks = command.removeprefix("* * * * *").partition(" && ")[0]
    asks = asks.replace("-h 127.0.0.1", f"-h 127.0.0.1 -p {port}")
    return subprocess.run(["bash", "-c", asks], check=False, capture_output=True).returncode == 0


async def test_redis(tmp_path: Path) -> None:
    program, port = needed(shutil.which("redis-server"), "Redis"), unused_port()
    async with started(program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)):
        door = door_at("redis", port)
        answer = await found("redis", door)
        one = await neighbour("redis", door)
        assert await running_by_offer(one)
        assert await asyncio.to_thread(works, one.offers[-1].code, port)
    assert (answer.state, answer.evidence) == (State.FOUND, "It answered PING with PONG.")
    assert not await asyncio.to_thread(works, one.offers[-1].code, port)


async def test_redis_behind_a_password(tmp_path: Path) -> None:
    program, port = needed(shutil.which("redis-server"), "Redis"), unused_port()
    async with started(program, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "x", "--save", "", "--dir", str(tmp_path)):
        answer = await found("redis", door_at("redis", port))
    assert (answer.state, answer.evidence) == (State.FOUND, "It answered PING in Redis's words: it needs a password.")


def postgresql_programs() -> Path | None:
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))  # noqa: PTH207 - an absolute pattern
    return Path(folders[-1]) if folders else None


def owned_folder(user: str | None) -> Path:
    """A folder that this user can reach and owns; pytest's own lies below one that only root can enter."""
    folder = tempfile.mkdtemp(prefix="tapewatch-test-")
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    return Path(folder)


async def test_postgresql() -> None:
    folder = postgresql_programs()
    needed(str(folder) if folder else None, "PostgreSQL")
    assert folder is not None
    user = "postgres" if os.geteuid() == 0 else None
    data, port = owned_folder(user), unused_port()
    try:
        make = [folder / "initdb", "-D", data, "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8"]
        await asyncio.to_thread(subprocess.run, make, check=True, capture_output=True, user=user)
        options = ("-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", str(data), "-F")
        async with started(str(folder / "postgres"), *options, user=user):
            door = door_at("postgresql", port)
            answer = await found("postgresql", door)
            one = await neighbour("postgresql", door)
            assert await running_by_offer(one)
            assert await asyncio.to_thread(works, one.offers[-1].code, port)
    finally:
        shutil.rmtree(data)
    assert answer.state is State.FOUND
    assert "without TLS" in answer.evidence


async def test_an_exporter_of_prometheus() -> None:
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1")
    try:
        answer = await found("node-exporter", door_at("node-exporter", server.server_port))
        other = await found("freqtrade", door_at("freqtrade", server.server_port))
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
    assert (answer.state, answer.evidence) == (State.FOUND, "It answered /metrics in Prometheus's format.")
    assert other.state is State.OTHER


@pytest.mark.slow
async def test_questdb(tmp_path: Path) -> None:
    archives = sorted((ROOT / ".venv" / "rivals").glob("questdb-*.jar"))
    java = shutil.which("java")
    if not archives or java is None:
        pytest.skip("no QuestDB here: `make rivals` fetches it where it can be had, and it needs Java")
    port = unused_port()
    settings = {"QDB_HTTP_BIND_TO": f"127.0.0.1:{port}"}
    settings |= dict.fromkeys(("QDB_HTTP_MIN_ENABLED", "QDB_PG_ENABLED", "QDB_LINE_TCP_ENABLED", "QDB_TELEMETRY_ENABLED"), "false")
    command = (java, "-XX:+UseSerialGC", "-Xmx256m", "-p", str(archives[-1]), "-m", "io.questdb/io.questdb.ServerMain", "-d", str(tmp_path))
    async with started(*command, environment=settings):
        door = door_at("questdb", port)
        answer = await found("questdb", door, 60)
        assert await running_by_offer(await neighbour("questdb", door))
    assert answer.state is State.FOUND
    assert archives[-1].stem.removeprefix("questdb-") in answer.evidence


def test_what_is_offered_in_python_is_python() -> None:
    codes = [offer.code for kind in KINDS for offer in kind.offers if offer.language == "python"]
    assert codes
    for code in codes:
        compile(code, "offer", "exec")
