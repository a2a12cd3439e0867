"""Every bench in its short form: that it runs and measures. Whether a target is met is told, not judged: `make bench` does that."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.__main__ import scripts
from bench.bars import Bar
from tests.sizes import ROOT
from tests.told import TOLD


@pytest.mark.bench
@pytest.mark.slow
@pytest.mark.parametrize("name", scripts())
def test_it_measures(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    numbers = tmp_path / "bars.json"
    command = [sys.executable, "-m", f"bench.{name}", "--short", "--json", str(numbers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert numbers.exists(), done.stdout + done.stderr
    bars = [Bar(**bar) for bar in json.loads(numbers.read_text())]
    record_property(TOLD, "\n".join([f"bench {name}, short form, with others beside it", *(f"  {bar}" for bar in bars)]))
    assert any(bar.target is not None for bar in bars), "a bench without a target measures nothing that was promised"
    assert all(math.isfinite(bar.value) and bar.value >= 0 for bar in bars)
