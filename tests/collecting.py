"""The names of tests must be the same in every process, at any time: else the processes of a run do not agree on what there is to do.

They are compared by xdist. So that a name with the time in it differs in every run, and not only in an unlucky one, no two processes
read the same second while they read their files. Hashes, addresses and process ids differ by themselves.
"""

import time
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Of N processes the one with number n sees only seconds that leave n when divided by N: its clock is behind by less than N seconds.

    A second is the coarsest time that a file format writes.
    """
    worker: dict[str, object] = getattr(session.config, "workerinput", {})
    number, count = int(str(worker.get("workerid", "gw0")).removeprefix("gw")), int(str(worker.get("workercount", 1)))
    read_s, read_ns = time.time, time.time_ns

    is_reading = True

    def behind_s(now_s: int) -> int:
        return (now_s - number) % count if is_reading else 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: (now_s := read_s()) - behind_s(int(now_s)))
        patch.setattr(time, "time_ns", lambda: (now_ns := read_ns()) - behind_s(now_ns // 1_000_000_000) * 1_000_000_000)
        try:
            return (yield)
        finally:
            is_reading = False  # a module that was imported meanwhile may have kept these two
