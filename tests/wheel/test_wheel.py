import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.server import Running
from tests.sizes import ROOT
from tests.started import rows, write
from tests.wheel.conftest import UV, Built, Environment, run

STATIC = "tapewatch/surfaces/web/static/"
MAXIMUM_DISTRIBUTIONS = 45
MAXIMUM_BYTES = 250_000_000


def test_the_wheel_holds_the_built_page_and_the_type_marker(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
    assert f"{STATIC}index.html" in names
    assert any(name.startswith(STATIC) and name.endswith(".js") for name in names)
    assert "tapewatch/py.typed" in names
    assert [name for name in names if name.startswith(("tests/", "ui/", "scripts/")) or "node_modules" in name] == []


def test_the_source_archive_holds_the_page_built_and_as_source(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {f"src/{STATIC}index.html", "ui/package.json", "hatch_build.py", "LICENSE", "README.md"} <= names
    assert [name for name in names if "node_modules" in name or name.startswith((".venv", "client/"))] == []


def test_a_checkout_without_the_page_and_without_node_makes_no_wheel_and_says_why(
    checkout: Path, builder: Environment, tmp_path: Path
) -> None:
    command = [
        UV,
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        str(builder.bin / "python"),
        "--out-dir",
        str(tmp_path),
        str(checkout),
    ]
    environment = {"PATH": str(builder.bin), "HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode != 0
    assert "The user interface is not built" in done.stdout
    assert "make ui" in done.stdout
    assert list(tmp_path.glob("*.whl")) == []


def test_an_editable_install_needs_no_node(checkout: Path, builder: Environment) -> None:
    python = str(builder.bin / "python")
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "-e", str(checkout), path=builder.bin)
    assert str(checkout) in run(python, "-c", "import tapewatch; print(tapewatch.__file__)", cwd=builder.folder)


def test_the_base_install_is_small(installed: Environment) -> None:
    distributions = installed.distributions()
    assert len(distributions) <= MAXIMUM_DISTRIBUTIONS, distributions
    assert installed.size_bytes() < MAXIMUM_BYTES


def test_the_command_explains_itself(installed: Environment) -> None:
    text = run(str(installed.bin / "tapewatch"), "--help", cwd=installed.folder)
    for command in ("up", "demo", "agent", "check", "query"):
        assert command in text
    assert run(str(installed.bin / "python"), "-m", "tapewatch", "--help", cwd=installed.folder)


@pytest.mark.browser
async def test_the_first_page_opens_from_the_wheel(server: Running, page: Page) -> None:
    await page.goto(server.url)
    await page.get_by_role("link", name="Overview").first.wait_for()
    await page.get_by_role("link", name="Exchange").first.click()
    await page.get_by_text("No data yet").first.wait_for()


def test_a_row_goes_in_and_comes_out(server: Running) -> None:
    write(server, "exchange", {"venue": "binance", "connected": True, "latency_ms": 12.5})
    [row] = rows(server, "exchange")
    assert (row["venue"], row["latency_ms"], row["source"]) == ("binance", 12.5, "test")


def test_the_client_alone_brings_nothing_but_itself(built: Built, tmp_path: Path) -> None:
    environment = Environment.create(tmp_path / "environment")
    environment.install(str(built.client_wheel), "--no-index")
    assert environment.distributions() == ["tapewatch_client"]
    run(str(environment.bin / "python"), "-c", "from tapewatch_client import Client; Client('http://127.0.0.1:9').close()", cwd=tmp_path)


# Folders of tests that need the product and nothing of the repository around it.
SUITE = ("model", "ingest", "store", "query", "sources")


def test_the_suite_passes_against_the_wheel(built: Built, tmp_path: Path) -> None:
    environment = Environment.create(tmp_path / "environment")
    environment.install("--require-hashes", "--requirement", str(ROOT / "requirements" / "dev.lock"))
    environment.install("--no-deps", str(built.client_wheel), str(built.wheel))
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests", project / "tests", ignore=shutil.ignore_patterns("__pycache__", "wheel"))
    shutil.copytree(ROOT / "docs", project / "docs")  # some tests run the examples of a page
    shutil.copy2(ROOT / "pyproject.toml", project)
    folders = [f"tests/{name}" for name in SUITE if (project / "tests" / name).is_dir()]
    # Few examples: whether the code is right was asked by `make test`; here it is whether the wheel has all of it.
    options = ["-q", "-n", "4", "--hypothesis-profile=few"]
    output = run(str(environment.bin / "python"), "-m", "pytest", *options, *folders, cwd=project)
    assert " passed" in output
