"""The judge of `bench/full_disk.py` sees what it is there to see."""

from collections import Counter

import pytest

from bench import full_disk
from bench.full_disk import OF_CLIENT, Seen, Sender


def missed(monkeypatch: pytest.MonkeyPatch, stored: list[int], sender: Sender, seen: Seen, *, is_all_sent: bool = True) -> set[str]:
    monkeypatch.setattr(full_disk, "numbers", lambda _: iter(stored))
    bars = full_disk.judged("http://127.0.0.1:1", sender, seen, 1, is_all_sent=is_all_sent)
    return {bar.name.split(": ", 1)[1] for bar in bars if not bar.is_met}


def test_each_fault_misses_its_own_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender("", {1, 2}, Counter(store_full=3))
    seen = Seen([0.1], [0.2], 2, 2)
    whole = [1, 2, 3, OF_CLIENT + 1, OF_CLIENT + 2]
    assert missed(monkeypatch, whole, sender, seen) == set(), "3 was not acknowledged, and may be there"
    assert missed(monkeypatch, whole[1:], sender, seen) == {"acknowledged rows missing"}
    assert missed(monkeypatch, whole[:-1], sender, seen) == {"rows of our client missing"}
    assert missed(monkeypatch, [*whole, 2], sender, seen) == {"rows double"}
    assert missed(monkeypatch, whole, sender, Seen([9.0], [9.0], 2, 1)) == {
        "told as read-only after, slowest",
        "rows acknowledged again after, slowest",
        "of them not answered",
    }
    assert missed(monkeypatch, whole, sender, seen, is_all_sent=False) == {"rows of our client that it still holds"}
    failing = Sender("", {1, 2}, Counter(store_unavailable=1), unanswered=1)
    assert missed(monkeypatch, whole, failing, seen) == {"posts refused with another reason than the disk", "posts without an answer"}
