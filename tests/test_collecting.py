import os
import subprocess
import sys
from pathlib import Path

from tests.sizes import ROOT

TIMED = """
import gzip
import pytest

@pytest.mark.parametrize("body", [gzip.compress(b"row")])
def test_a_body(body):
    assert body
"""


def test_a_name_that_holds_the_time_fails_in_every_run(tmp_path: Path) -> None:
    (tmp_path / "test_timed.py").write_text(TIMED)
    options = ["-n", "2", "-p", "xdist.plugin", "-p", "tests.collecting", "-c", os.devnull, "--rootdir", str(tmp_path)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Different tests were collected" in done.stdout
