"""Fixtures that any test may ask for, and the isolation of all tests from the user's own settings and data."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Page

from tests.chromium import Complaints, find_chromium, launched
from tests.server import unused_port
from tests.sizes import ROOT, lines_per_package

# Builds and installs; `make wheel-test` names the folder, a plain run leaves it out.
collect_ignore = [] if os.environ.get("TAPEWATCH_TEST_WHEEL") else ["wheel"]

# Deadlines measure the machine, not the code; a failing example is printed so that it can be pasted.
settings.register_profile("tapewatch", deadline=None, print_blob=True)
settings.register_profile("few", settings.get_profile("tapewatch"), max_examples=10)
settings.load_profile("tapewatch")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the size of each package after every run in a checkout, so that growth is seen when it happens."""
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


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A browser of its own for each test: nothing is cached from one to the next."""
    async with launched(chromium) as browser:
        yield browser


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page; the test fails at its end if the page logged an error, threw, or asked another host."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    complaints = Complaints(page)
    yield page
    await page.close()
    assert not complaints.lines, "\n".join(complaints.lines)
