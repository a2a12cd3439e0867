"""The judge of `bench/kill.py` sees what it is there to see."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from bench import kill

ANSWER = 'write(9, "HTTP/1.1 200 OK\\r\\n\\r\\n{\\"accepted\\":1,\\"duplicate\\":false}", 120) = 120'


def test_an_acknowledgement_needs_a_sync_that_ended_after_the_one_before() -> None:
    good = ["12 fdatasync(5) = 0", f"11 {ANSWER}"]
    assert kill.acknowledgements(good * 3) == (3, 0)
    assert kill.acknowledgements([*good, f"11 {ANSWER}"]) == (2, 1)
    assert kill.acknowledgements(["12 fdatasync(5 <unfinished ...>", f"11 {ANSWER}", "12 <... fdatasync resumed>) = 0"]) == (1, 1)
    assert kill.acknowledgements(["12 fsync(5 <unfinished ...>", "12 <... fsync resumed>) = 0", f"11 {ANSWER}"]) == (1, 0)
    assert kill.acknowledgements(["12 fdatasync(5) = -1 EIO", f"11 {ANSWER}"]) == (1, 1)


def test_missing_and_double_rows_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pages: list[Any] = [
        {"columns": [{"name": "number", "values": [1, 2, 2]}], "cursor": "more"},
        {"columns": [{"name": "number", "values": [7, 4]}], "cursor": None},
    ]
    monkeypatch.setattr(kill.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(json.dumps(pages.pop(0)).encode()))
    (tmp_path / "ledger").write_text("1 5\n7 8\n", encoding="ascii")
    kill.judge("http://127.0.0.1:1", str(tmp_path))
    assert json.loads(capsys.readouterr().out) == {"stored": 5, "acknowledged": 5, "missing": 1, "doubled": 1}
