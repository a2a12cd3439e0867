"""Installs and starts the real programs that tests need; nothing is asked, nothing that is there is touched.

As root, or with a sudo that asks no password, missing Debian packages are installed; otherwise they are named and the exit code is 1.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Service:
    """What tests use: the command or the file that proves it is there, its Debian package, and how it is started (None: on demand)."""

    command: str
    package: str
    reason: str
    start: Callable[[], None] | None = None
    file: str = ""

    @property
    def is_missing(self) -> bool:
        return not Path(self.file).is_file() if self.file else shutil.which(self.command) is None


# A new real server is one entry here.
SERVICES = (
    Service(command="chromium", package="chromium", reason="browser tests open the page in it"),
    Service(
        command="DejaVu Sans",
        package="fonts-dejavu-core",
        reason="the pictures of the page are compared in this font",
        file="/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    ),
    Service(command="strace", package="strace", reason="a test sees that rows reach the disk before they are acknowledged"),
    Service(command="systemd-analyze", package="systemd", reason="a test has the unit of `tapewatch unit` checked"),
    Service(command="redis-server", package="redis-server", reason="tests find it as a neighbour of tapewatch"),
    Service(command="pg_isready", package="postgresql", reason="tests find it as a neighbour of tapewatch"),
    Service(command="curl", package="curl", reason="the command lines in the guides are run as they stand"),
)


def privileged() -> list[str] | None:
    """Words before a command that needs root: none for root, sudo if it asks nothing, None when neither works."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0:
        return ["sudo", "-n"]
    return None


def install(packages: list[str]) -> bool:
    """Install Debian packages; False when there is no right to, or apt-get fails."""
    words = privileged()
    if words is None or shutil.which("apt-get") is None:
        return False
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    for arguments in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        command = [*words, *environment, "apt-get", *arguments]
        print("services:", " ".join(command), flush=True)
        if subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode:
            return False
    return True


def main() -> int:
    """Install what is missing, then start what has to run."""
    missing = [service for service in SERVICES if service.is_missing]
    if missing and not install([service.package for service in missing]):
        print("services: tests need programs that are not here, and this user cannot install them. On Debian, as root:")
        print("    apt-get install", *(service.package for service in missing))
        for service in missing:
            print(f"  {service.package}: {service.reason}")
        return 1
    for service in SERVICES:
        if service.start is not None:
            service.start()
    print("services: ready:", ", ".join(service.command for service in SERVICES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
