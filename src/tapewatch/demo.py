"""`tapewatch demo`: the server with the paper desk beside it, in a data directory of its own that ends with it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from tapewatch.desk.addresses import Addresses, desk_settings
from tapewatch.errors import SourceError
from tapewatch.serve import serve
from tapewatch.settings import load

READY_WITHIN_S = 15.0
STOP_WITHIN_S = 2.0


def run_demo(overrides: Mapping[str, Any], seed: int) -> None:
    """Start the desk, write its settings, serve until stopped, stop the desk.

    Raises:
        SourceError: The desk did not start.
        ConfigError: The server cannot start, such as a port in use.
    """
    with tempfile.TemporaryDirectory(prefix="tapewatch-demo-") as folder:
        path = Path(folder) / "tapewatch.toml"
        first = load(None, overrides)
        with _desk(first.url, seed) as addresses:
            path.write_text(f'env = "paper"\nsimulated = true\n\n{desk_settings(addresses)}', encoding="utf-8")
            serve(load(path, {"data_dir": Path(folder) / "data", **overrides}), path, view="range=5m")


@contextlib.contextmanager
def _desk(url: str, seed: int) -> Generator[Addresses]:
    command = [sys.executable, "-m", "tapewatch.desk", "--to", url, "--seed", str(seed), "--quiet", "--with-parent"]
    # a group of its own: Ctrl-C reaches the server first, which then stops the desk in order
    desk = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, env=os.environ)  # noqa: S603 - fixed arguments
    try:
        yield _addresses(desk)
    finally:
        desk.send_signal(signal.SIGTERM)
        try:
            desk.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            desk.kill()
            desk.wait()
        if desk.stdout:
            desk.stdout.close()


def _addresses(desk: subprocess.Popen[bytes]) -> Addresses:
    """The first line that the desk prints: its addresses as JSON."""
    if desk.stdout is None or not select.select([desk.stdout], [], [], READY_WITHIN_S)[0]:
        raise SourceError(f"the paper desk did not start within {READY_WITHIN_S:.0f} s", permanent=True)
    line = desk.stdout.readline()
    if not line:
        raise SourceError(f"the paper desk ended with exit code {desk.wait()}; its message is above", permanent=True)
    return Addresses.from_json(line.decode())
