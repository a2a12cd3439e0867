"""The sign of life that goes out: only while all is well, never in the way, and its address in no log and on no page."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tapewatch.clock import ManualClock, SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.heartbeat import Heartbeat
from tapewatch.model.rows import Delivery
from tapewatch.settings import HeartbeatSettings
from tests.server import unused_port
from tests.small_disk import fill, small_disk
from tests.started import UPKEEP_SOON, refused, request, rows, up, verdicts, wait_for

SECRET = "ping-secret-8fa3"


class Service:
    """A service outside that takes signs of life, and can be told how to answer."""

    def __init__(self) -> None:
        service = self
        self.paths: list[str] = []
        self.status = 200
        self.delay_s = 0.0

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.paths.append(self.path)
                self.send_response(service.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/{SECRET}?key={SECRET}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture
def told() -> list[dict[str, object]]:
    return []


def heartbeat(url: str, told: list[dict[str, object]], troubles: list[str] | None = None, timeout_s: float = 2.0) -> Heartbeat:
    async def report(delivery: Delivery) -> None:
        told.extend(delivery.batches[0].rows())

    settings = HeartbeatSettings.model_validate({"url": url, "timeout_s": timeout_s})
    return Heartbeat(settings, SystemClock(), lambda: troubles or [], report)


async def test_it_is_sent_only_while_the_server_is_healthy(service: Service, told: list[dict[str, object]]) -> None:
    troubles: list[str] = []
    beating = heartbeat(service.url, told, troubles)
    await beating.beat()
    troubles.append("the store is away: disk full")
    await beating.beat()
    troubles.clear()
    await beating.beat()
    assert service.paths == [f"/{SECRET}?key={SECRET}"] * 2
    assert [row["kind"] for row in told] == ["success", "fail", "success"]
    assert told[1]["message"] == "withheld, the server is not healthy: the store is away: disk full"
    assert beating.measures() == {"sent": 2, "failed": 0, "withheld": 1, "since_sent_s": pytest.approx(0, abs=1)}


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_any_other_answer_is_a_failure(service: Service, told: list[dict[str, object]], status: int) -> None:
    service.status = status
    await heartbeat(service.url, told).beat()
    assert len(service.paths) == 1, "nothing is followed to another place"
    assert told[0]["message"] == f"answered status {status}"


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/" + SECRET, "http://nowhere.invalid/" + SECRET])
async def test_a_failure_is_logged_once_without_the_address(
    told: list[dict[str, object]], caplog: pytest.LogCaptureFixture, address: str
) -> None:
    caplog.set_level("INFO")
    beating = heartbeat(address.format(port=unused_port()), told)
    for _ in range(3):
        await beating.beat()
    assert beating.measures() == {"sent": 0, "failed": 3, "withheld": 0}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.text.count("The outgoing heartbeat: no answer: ConnectError") == 1
    assert SECRET not in caplog.text
    assert SECRET not in json.dumps(told)


async def test_what_cannot_be_recorded_is_no_reason_to_stop(service: Service) -> None:
    async def report(delivery: Delivery) -> None:
        raise StoreUnavailable("away")

    beating = Heartbeat(HeartbeatSettings.model_validate({"url": service.url}), SystemClock(), list, report)
    await beating.beat()
    assert beating.measures()["sent"] == 1


@pytest.mark.slow
def test_the_whole_of_it(service: Service, tmp_path: Path) -> None:
    settings = f'watch_self = false\n[heartbeat]\nurl = "{service.url}"\nevery_s = 1\n'
    with small_disk(tmp_path / "disk", "12m") as disk, up(tmp_path, settings, "--data", str(disk / "data"), first=UPKEEP_SOON) as server:
        wait_for(lambda: len(service.paths) >= 2)
        assert wait_for(lambda: rows(server, "heartbeat", where="check:tapewatch outgoing"))[0]["kind"] == "success"
        service.status = 500
        wait_for(lambda: [verdict["status"] for verdict in verdicts(server, "heartbeat")] == ["down"])
        service.status = 200
        filler = fill(disk)
        wait_for(lambda: request(server, "/health")[0] == 503)
        silent = len(service.paths)
        wait_for(lambda: "withheld" in server.output.read_text())
        assert len(service.paths) <= silent + 1
        filler.unlink()
        wait_for(lambda: len(service.paths) > silent + 1)
        metrics = {row["metric"] for row in wait_for(lambda: rows(server, "self", where="component:heartbeat"))}
        assert metrics >= {"sent", "failed", "withheld"}
        pages = [server.get(path).decode() for path in ("/api/status", "/metrics", "/api/dashboards", "/api/query?table=heartbeat")]
    assert SECRET not in server.output.read_text()
    assert not any(SECRET in page for page in pages)


@pytest.mark.parametrize("url", ["ftp://a.example/" + SECRET, SECRET, "http://", "http://[" + SECRET])
def test_an_address_that_is_none_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    (tmp_path / "tapewatch.toml").write_text(f'[heartbeat]\nurl = "{url}"\n')
    said = "heartbeat.url: this is no address that begins with http:// or https:// and a host"
    assert refused("check", folder=tmp_path) == f"tapewatch.toml: line 2: {said}"
    assert refused("up", "--data", "data", folder=tmp_path) == f"tapewatch: tapewatch.toml: line 2: {said}"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, 3_600.0, 86_400.0])
async def test_a_clock_that_is_set_changes_neither_its_pace_nor_how_long_ago_it_was(service: Service, jump_s: float) -> None:
    clock, told = ManualClock(), list[Delivery]()

    async def report(delivery: Delivery) -> None:
        told.append(delivery)
        clock.jump(jump_s)

    settings = HeartbeatSettings.model_validate({"url": service.url, "every_s": 1})
    beating = Heartbeat(settings, clock, list, report)
    task = asyncio.create_task(beating.run())
    await asyncio.sleep(2.5)
    task.cancel()
    assert len(service.paths) == 3
    clock.advance(7)
    assert beating.measures() == {"sent": 3, "failed": 0, "withheld": 0, "since_sent_s": 7}
