"""What holds for the repository as a whole: sizes, truthful guides, one version, no foreign addresses, locked packages."""

import re
import tomllib

import pytest

from scripts import lock
from tests import sizes
from tests.sizes import ROOT, texts

GUIDES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")
# Written in halves, so that this file does not find itself.
FORBIDDEN = tuple(
    "".join(halves) for halves in (("pypi", ".org"), ("pythonhosted", ".org"), ("registry", ".npmjs"), ("/wor", "k/"), ("/roo", "t/"))
)


def pyproject(folder: str = ".") -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


def test_no_file_is_too_long() -> None:
    assert sizes.long_files() == []


def test_no_function_is_too_long() -> None:
    assert sizes.long_functions() == []


def test_every_exception_from_the_size_limits_is_still_needed() -> None:
    assert sizes.unneeded_exceptions() == []


def mentioned_paths(text: str) -> set[str]:
    """Words in backticks that look like a path of this repository; an address such as `/api/rows` or a name with a placeholder does not."""
    words = {word.strip() for word in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))}
    return {word for word in words if re.fullmatch(r"[\w.*-]+(/[\w.*-]*)+|[\w-]+\.(md|toml|py|yaml)|Makefile|LICENSE", word)}


def exists(word: str) -> bool:
    """Whether the path, which may hold wildcards, is in the repository, from its top or from src/tapewatch."""
    pattern = word.rstrip("/")
    return any(any(base.glob(pattern)) for base in (ROOT, ROOT / "src" / "tapewatch"))


# Files that belong to the reader's machine, not to the repository.
READERS_OWN = {"tapewatch.toml", ".venv/", ".venv/bin/tapewatch", "dist/"}


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_in_a_guide_exists(guide: str) -> None:
    missing = sorted(word for word in mentioned_paths((ROOT / guide).read_text()) - READERS_OWN if not exists(word))
    assert missing == []


def test_every_link_in_the_documents_leads_somewhere() -> None:
    links = [(name, target) for name, text in texts(".md") for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)]
    assert [link for link in links if "://" not in link[1] and not (ROOT / link[0]).parent.joinpath(link[1]).exists()] == []


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []


def test_every_package_is_in_the_architecture_guide() -> None:
    words = mentioned_paths((ROOT / "ARCHITECTURE.md").read_text())
    packages = {path.parent for path in (ROOT / "src" / "tapewatch").rglob("__init__.py")}
    names = {path.relative_to(ROOT / "src" / "tapewatch").as_posix() + "/" for path in packages} - {"./"}
    names.add("client/src/tapewatch_client/")
    assert sorted(names - words) == []


def test_every_make_target_is_in_the_contributing_guide() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    assert [target for target in targets if f"`make {target}`" not in guide] == []


def test_newest_changelog_heading_is_the_version_of_both_distributions() -> None:
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert heading is not None
    assert {pyproject()["project"]["version"], pyproject("client")["project"]["version"]} == {heading[1]}


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [f"{name}: {word}" for name, text in texts() for word in FORBIDDEN if word in text]
    assert found == []


def test_npm_lock_records_no_download_address() -> None:
    assert '"resolved"' not in (ROOT / "ui" / "package-lock.json").read_text()


@pytest.mark.parametrize("name", list(lock.LOCKS))
def test_lock_file_is_current_hashed_and_without_address(name: str) -> None:
    assert lock.problems((ROOT / "requirements" / f"{name}.lock").read_text()) == []


def test_a_lock_file_that_is_old_or_unhashed_or_names_an_index_is_noticed() -> None:
    good = (ROOT / "requirements" / "build.lock").read_text()
    assert any("older" in problem for problem in lock.problems(good.replace("sha256 ", "sha256 0", 1)))
    assert any("hash for uv" in problem for problem in lock.problems(good + "uv==1.0\n"))
    assert any("address" in problem for problem in lock.problems(good + "--index-url https://example.invalid/simple\n"))


def test_direct_dependencies_are_few_and_each_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    assert len(lines) <= 14
    assert [line for line in lines if not re.search(r'",\s+# .{9,}', line)] == []


def test_the_client_depends_on_nothing() -> None:
    assert pyproject("client")["project"].get("dependencies", []) == []


def test_every_silenced_finding_has_a_reason() -> None:
    """`# noqa: X001 - reason` and `# pyright: ignore[rule] - reason`; a bare one silences more than it names."""
    mark = re.compile(
        r"#\s*(noqa(?P<noqa>:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|pyright: ignore(?P<rule>\[[^\]]+\])?|type: ignore\S*)(?P<reason>.*)"
    )
    bad: list[str] = []
    for name, text in texts(".py"):
        if name == "tests/test_repository.py":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = mark.search(line)
            if match and (not (match["noqa"] or match["rule"]) or len(match["reason"].strip(" -:#(")) < len("why")):
                bad.append(f"{name}:{number}: {line.strip()}")
    assert bad == []
