"""The client in a real notebook kernel: nothing under the cells, and the kernel ends when it is told to."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.client.scripted_server import ScriptedServer

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def kernel() -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=60)
    yield manager, client
    client.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)


def outputs(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """What a cell shows: streams, results and errors."""
    shown: list[dict[str, Any]] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] in {"stream", "display_data", "execute_result", "error"}:
            shown.append(message["content"])

    client.execute_interactive(code, output_hook=note, timeout=30)
    return shown


@pytest.mark.slow
def test_cells_stay_clean_while_the_server_is_away_and_the_stats_tell(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    manager, client = kernel
    first = f"from tapewatch_client import Client\nclient = Client({DEAD!r}, flush_interval_s=0.01)\nclient.write('kpi', value=object())"
    assert outputs(client, first) == []
    assert outputs(client, "import time; time.sleep(0.5)") == []
    (told,) = outputs(client, "client.stats().last_error")
    assert "refused" in told["data"]["text/plain"].lower()
    began_s = time.monotonic()
    manager.shutdown_kernel()
    assert time.monotonic() - began_s < 10


@pytest.mark.slow
def test_who_asks_for_logs_gets_them(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    _, client = kernel
    code = (
        f"import logging, time\nlogging.basicConfig()\nfrom tapewatch_client import Client\n"
        f"client = Client({DEAD!r}, flush_interval_s=0.01)\nclient.write('kpi', value=1)\ntime.sleep(0.5)"
    )
    (shown,) = outputs(client, code)
    assert "does not take rows" in shown["text"]


@pytest.mark.slow
def test_the_loop_of_a_notebook_can_wait_for_delivery(kernel: tuple[KernelManager, BlockingKernelClient], server: ScriptedServer) -> None:
    _, client = kernel
    code = (
        f"from tapewatch_client import Client\n"
        f"async with Client({server.url!r}) as client:\n    client.write('kpi', value=7)\n    assert await client.aflush(5)"
    )
    assert outputs(client, code) == []
    assert server.values("value") == [7]
