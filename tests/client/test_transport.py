"""The connection itself: TLS, and what a forked child and a stuck request do to it."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer, eventually

Connect = Callable[..., Client]
CERTIFICATE = Path(__file__).with_name("localhost.pem")


@pytest.fixture
def secure_server() -> Iterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = ScriptedServer(context)
    yield server
    server.die()


def test_rows_travel_over_tls_on_one_connection(secure_server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    client = connect(f"https://localhost:{secure_server.port}/watch")
    for number in range(3):
        client.write("kpi", value=number)
        assert client.flush(5)
    assert secure_server.values("value") == [0, 1, 2]
    assert secure_server.requests[0].path == "/watch/api/rows"
    assert len(secure_server.connections) == 1


def test_a_certificate_that_is_not_trusted_is_refused_by_name(secure_server: ScriptedServer, connect: Connect) -> None:
    client = connect(f"https://localhost:{secure_server.port}")
    client.write("kpi", value=1)
    eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in (client.stats().last_error or ""))
    assert secure_server.requests == []
    assert client.stats().queued == 1
