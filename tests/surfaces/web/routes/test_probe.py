"""A store that hangs is asked once, however often somebody wants to know."""

import asyncio
import gc
import threading

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Usage
from tapewatch.surfaces.web.routes import health
from tapewatch.surfaces.web.routes.health import StoreProbe


class Hanging(MemoryStore):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), 0

    def usage(self) -> Usage:
        self.asked += 1
        self.go.wait(10)
        return super().usage()


class Interrupted(Hanging):
    """Fails when it is let go, as a store that is closed meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()

    def usage(self) -> Usage:
        self.is_asked.set()
        super().usage()
        raise StoreUnavailable("interrupted")


async def test_a_hanging_store_takes_one_thread_and_is_asked_again_when_it_has_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STORE_S", 0.05)
    monkeypatch.setattr(health, "ANSWER_HOLDS_S", 0.0)
    store = Hanging()
    probe = StoreProbe(store, SystemClock())
    for _ in range(5):
        assert await probe.problems() == ["store: no answer within 0.05 s"]
        assert probe.is_silent
    assert store.asked == 1
    store.go.set()
    await asyncio.sleep(0.05)
    assert await probe.problems() == []
    assert not probe.is_silent
    assert await probe.problems() == []
    assert store.asked == 2


async def test_a_store_that_fails_when_nobody_waits_any_more_leaves_no_error_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "STORE_S", 10.0)
    forgotten: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: forgotten.append(context))
    store = Interrupted()
    probe = StoreProbe(store, SystemClock())
    asking = asyncio.create_task(probe.problems())
    await asyncio.to_thread(store.is_asked.wait, 5)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    store.go.set()
    await asyncio.sleep(0.1)
    del probe, asking
    gc.collect()
    await asyncio.sleep(0)
    assert forgotten == []
