"""What Chromium itself tells about the process that draws a page: processor time of its tasks, its memory."""

from __future__ import annotations

import collections
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from playwright.sync_api import Browser, CDPSession

Thread = tuple[int, int]


@dataclass(frozen=True)
class Memory:
    """One look at it, after what nobody refers to was given back.

    Attributes:
        heap_mb: What scripts hold, in MB.
        nodes: Nodes of documents, those that are only referred to included.
        resident_mb: Of the whole process, pictures included, in MB.
    """

    heap_mb: float
    nodes: int
    resident_mb: float


def counters(session: CDPSession) -> dict[str, float]:
    """The counters of a page by their names in Chromium."""
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def memory(browser: Browser, session: CDPSession) -> Memory:
    """Memory of the only page of a browser, which `session` is of."""
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    found = counters(session)
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    resident = [psutil.Process(one["id"]).memory_info().rss for one in processes if one["type"] == "renderer"]
    return Memory(found["JSHeapUsedSize"] / 1e6, int(found["Nodes"]), max(resident, default=0) / 1e6)


class Trace:
    """Processor time of the tasks of a page's main thread, from Chromium's own trace of them.

    Args:
        browser: With one page that does something.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.longest_ms = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Trace for as long as the block lasts; `longest_ms` has the longest task then."""
        self._browser.start_tracing(categories=["toplevel"])
        yield
        events = json.loads(self._browser.stop_tracing())["traceEvents"]
        mains = {_thread(one) for one in events if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"}
        tasks_ms = collections.defaultdict[Thread, list[float]](list)
        for one in events:
            if one["name"] == "ThreadControllerImpl::RunTask" and _thread(one) in mains:
                tasks_ms[_thread(one)].append(one.get("tdur", 0) / 1e3)
        self.longest_ms = max(max(tasks_ms.values(), key=sum, default=[0.0]))


def _thread(event: dict[str, int]) -> Thread:
    return event["pid"], event["tid"]
