"""A disk that fills up while rows come in: how soon it is told, whether questions go on, what is lost, how soon rows come in again.

The store and the server's spool lie on a small file system of their own, which root can mount. One sender posts numbered rows and notes
what was acknowledged; beside it our client keeps its rows on another disk. The disk is filled to its last byte, and emptied again.

Run `python -m bench.full_disk` (about two minutes), or with `--short` (a few seconds).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.bars import Bar, run
from bench.driven import Driven, driven
from bench.kill import SETTINGS, numbers
from tapewatch_client import Client
from tests.small_disk import fill, mounted

ROUNDS, SHORT_ROUNDS = 8, 1
FULL_S, SHORT_FULL_S = 10.0, 0.5
"""Seconds that the disk stays full."""
SIZE, SHORT_SIZE = "64m", "16m"
ROWS, EVERY_S, POSTS_BEFORE = 20, 0.02, 20
OF_CLIENT = 500_000_000
"""The client's rows are numbered from here on."""
WITHIN_S = 60.0
TOLD_S, BACK_S = 5.0, 5.0


@dataclass
class Sender:
    """Posts rows numbered from 1 on, never one twice.

    Attributes:
        acknowledged: Numbers that the server says are durable.
        refused: Posts that were answered with 503, by code.
        unanswered: Posts whose answer did not come.
    """

    url: str
    acknowledged: set[int] = field(default_factory=set[int])
    refused: Counter[str] = field(default_factory=Counter[str])
    unanswered: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Post until it is over."""
        place, number = urllib.parse.urlsplit(self.url), 1
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        while not self.is_over.wait(EVERY_S):
            rows = [{"sender": "plain", "number": n} for n in range(number, number + ROWS)]
            body = json.dumps({"table": "proof", "source": "plain", "rows": rows})
            try:
                connection.request("POST", "/api/rows", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                told = json.loads(answer.read())
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                connection.close()
            else:
                if answer.status == http.HTTPStatus.OK:
                    self.acknowledged.update(range(number, number + ROWS))
                else:
                    self.refused[told["error"]["code"]] += 1
            number += ROWS


@dataclass
class Seen:
    """Seconds until something was so, one for each round."""

    told_s: list[float] = field(default_factory=list[float])
    back_s: list[float] = field(default_factory=list[float])
    asked: int = 0
    answered: int = 0


@contextlib.contextmanager
def sending(url: str) -> Iterator[Sender]:
    """A sender at work."""
    sender = Sender(url)
    thread = threading.Thread(target=sender.work, daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        sender.is_over.set()
        thread.join(40)


def wait_until(what: str, condition: Callable[[], bool]) -> float:
    """Seconds until a condition holds.

    Raises:
        SystemExit: It does not come to hold.
    """
    began_s = time.perf_counter()
    while not condition():
        if time.perf_counter() - began_s > WITHIN_S:
            raise SystemExit(f"{what}: not within {WITHIN_S:.0f} s")
        time.sleep(0.01)
    return time.perf_counter() - began_s


def is_read_only(server: Driven) -> bool:
    """Whether the server says what the page shows as a banner: read-only, because the disk is full."""
    store = json.loads(server.get("/api/status"))["store"]
    return store["state"] == "down" and store["is_full"]


def fill_and_empty(server: Driven, disk: Path, client: Client, sender: Sender, seen: Seen, full_s: float) -> None:
    """One round: the disk fills, stays full, and has space again."""
    before = len(sender.acknowledged)
    wait_until("rows are acknowledged", lambda: len(sender.acknowledged) >= before + POSTS_BEFORE * ROWS)
    filler = fill(disk)
    seen.told_s.append(wait_until("the full disk is told", lambda: is_read_only(server)))
    until_s = time.perf_counter() + full_s
    while time.perf_counter() < until_s:
        seen.asked += 1
        with contextlib.suppress(OSError):
            server.get("/api/query?table=proof&mode=rows&column=ts,number&last=24h&limit=10")
            seen.answered += 1
        client.write("proof", sender="client", number=OF_CLIENT + seen.asked)
        time.sleep(0.05)
    known = len(sender.acknowledged)
    filler.unlink()
    seen.back_s.append(wait_until("rows are acknowledged again", lambda: len(sender.acknowledged) > known))
    wait_until("the server says that it is well", lambda: not is_read_only(server))


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Fill the disk several times, then count every row."""
    rounds, full_s = (SHORT_ROUNDS, SHORT_FULL_S) if is_short else (ROUNDS, FULL_S)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "tapewatch.toml")
        config.write_text(SETTINGS, encoding="utf-8")
        disk = Path(folder, "disk")
        with mounted(disk, SHORT_SIZE if is_short else SIZE), driven(disk / "data", ("--config", str(config))) as server:
            client = Client(server.url, source="bench", spool_dir=Path(folder, "spool"), flush_interval_s=0.02)
            seen = Seen()
            with sending(server.url) as sender:
                for _ in range(rounds):
                    fill_and_empty(server, disk, client, sender, seen, full_s)
            is_all_sent = client.close(WITHIN_S)
            yield from judged(server.url, sender, seen, rounds, is_all_sent=is_all_sent)


def judged(url: str, sender: Sender, seen: Seen, rounds: int, *, is_all_sent: bool) -> Iterator[Bar]:
    """What was seen, and what the store holds."""
    stored = Counter(numbers(url))
    of_client = set(range(OF_CLIENT + 1, OF_CLIENT + seen.asked + 1))
    what = f"disk filled {rounds} times:"
    yield Bar(f"{what} told as read-only after, slowest", max(seen.told_s), "s", TOLD_S)
    yield Bar(f"{what} questions asked while it was full", seen.asked, "", 1, is_least=True)
    yield Bar(f"{what} of them not answered", seen.asked - seen.answered, "", 0)
    yield Bar(f"{what} posts refused with another reason than the disk", sender.refused.total() - sender.refused["store_full"], "", 0)
    yield Bar(f"{what} posts without an answer", sender.unanswered, "", 0)
    yield Bar(f"{what} rows acknowledged again after, slowest", max(seen.back_s), "s", BACK_S)
    yield Bar(f"{what} acknowledged rows", len(sender.acknowledged), "rows", 1, is_least=True)
    yield Bar(f"{what} acknowledged rows missing", sum(number not in stored for number in sender.acknowledged), "rows", 0)
    yield Bar(f"{what} rows double", sum(stored.values()) - len(stored), "rows", 0)
    yield Bar(f"{what} rows of our client", len(of_client), "rows")
    yield Bar(f"{what} rows of our client missing", len(of_client - stored.keys()), "rows", 0)
    yield Bar(f"{what} rows of our client that it still holds", 0 if is_all_sent else 1, "", 0)


if __name__ == "__main__":
    run(measure, "What a full disk does to rows that were acknowledged, to questions, and to those that come after.")
