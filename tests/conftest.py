"""Fixtures that any test may ask for, and the isolation of all tests from the user's own settings and data."""

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from playwright.async_api import Browser, Page

from tests.chromium import Complaints, find_chromium, launched
from tests.server import unused_port
from tests.sizes import ROOT, lines_per_package
from tests.told import told

pytest_plugins = ["tests.collecting"]

# Builds and installs; `make wheel-test` names the folder, a plain run leaves it out.
collect_ignore = [] if os.environ.get("TAPEWATCH_TEST_WHEEL") else ["wheel"]

# Deadlines measure the machine, not the code; a failing example is printed so that it can be pasted.
settings.register_profile("tapewatch", deadline=None, print_blob=True)
settings.register_profile("few", settings.get_profile("tapewatch"), max_examples=10)
settings.register_profile("deep", settings.get_profile("tapewatch"), max_examples=2_500)
settings.load_profile("tapewatch")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of one mark alone reads only the files that have it: to import all others would take longer than some of its tests."""
    mark: str = config.option.markexpr
    if mark not in {"alone", "bench"} or not collection_path.name.startswith("test_") or not collection_path.is_file():
        return None
    return f"mark.{mark}" not in collection_path.read_text() or None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Tests with a browser run on the event loop that it was started on. Slow tests begin first: at the end no process works alone.

    Their order is as random as that of the others, which is made within.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
    yield
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured and do not judge, and the size of each package in a checkout, so that growth is seen when it happens."""
    for text in told(terminalreporter):
        terminalreporter.write_line(text)
    if (ROOT / ".git").exists():
        terminalreporter.write_line(f"lines: {lines_per_package()}")


@pytest.fixture(scope="session", autouse=True)
def isolated_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the settings or the data of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("TAPEWATCH_") and name != "TAPEWATCH_RECORDINGS" and not name.startswith("TAPEWATCH_TEST_"):
            del os.environ[name]
    home = tmp_path_factory.mktemp("user")
    os.environ["XDG_DATA_HOME"] = str(home / "data")
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of recorded exchange traffic (with `feeds/` in it); a named one that is missing fails, none at all skips with the reason."""
    named = os.environ.get("TAPEWATCH_RECORDINGS")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "feeds").is_dir():
        reason = f"no recordings in {folder}: name their folder in TAPEWATCH_RECORDINGS"
        if named:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    return unused_port()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser executable."""
    return find_chromium()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for all tests of a process: starting one takes longer than most of them."""
    async with launched(chromium) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def browser(one_browser: Browser) -> AsyncIterator[Browser]:
    """The browser without a page: each page of a test has a context of its own, which shares neither cache nor storage with any other."""
    yield one_browser
    for context in one_browser.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page; the test fails at its end if the page logged an error, threw, or asked another host."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    complaints = Complaints(page)
    yield page
    await page.close()
    assert not complaints.lines, "\n".join(complaints.lines)
