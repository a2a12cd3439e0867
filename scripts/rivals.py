"""Fetches the servers that `bench side_by_side` compares with into .venv/rivals: unpacked there, neither installed nor started.

VictoriaMetrics and InfluxDB are Debian's packages, QuestDB is an archive from Maven that needs Java. What cannot be fetched is named.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".venv" / "rivals"
QUESTDB = "9.3.4"


@dataclass(frozen=True)
class Rival:
    """A server: its name, the file that proves it is there, how it is fetched, and what that needs."""

    name: str
    proof: str
    fetch: Callable[[], bool]
    needs: str

    @property
    def is_missing(self) -> bool:
        return not any(FOLDER.glob(self.proof))


def ran(*command: str) -> bool:
    """Whether the program is there and succeeds; what it says is shown when it does not."""
    if shutil.which(command[0]) is None:
        print(f"rivals: there is no {command[0]} here")
        return False
    done = subprocess.run(command, cwd=FOLDER, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        print("rivals:", " ".join(command), "failed:", (done.stderr or done.stdout).strip()[-500:])
    return done.returncode == 0


def debian(package: str) -> bool:
    """Unpack a package without installing it: an installed one would start a server for good."""
    return ran("apt-get", "download", "-q", package) and all(
        ran("dpkg-deb", "-x", str(path), ".") for path in FOLDER.glob(f"{package}_*.deb")
    )


def maven(coordinates: str) -> bool:
    """Fetch one archive through Maven."""
    return ran("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={FOLDER}")


RIVALS = (
    Rival(
        "QuestDB",
        f"questdb-{QUESTDB}.jar",
        lambda: maven(f"org.questdb:questdb:{QUESTDB}"),
        "Debian's maven and a Java runtime of 17 or newer",
    ),
    Rival("VictoriaMetrics", "usr/bin/victoria-metrics", lambda: debian("victoria-metrics"), "Debian's package lists: apt-get update"),
    Rival("InfluxDB", "usr/bin/influxd", lambda: debian("influxdb"), "Debian's package lists: apt-get update"),
)


def main() -> int:
    """Fetch what is missing; 1 when something still is."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    left_out = [rival for rival in RIVALS if rival.is_missing and not (rival.fetch() and not rival.is_missing)]
    for rival in left_out:
        print(f"rivals: {rival.name} could not be fetched and will be left out; it needs {rival.needs}")
    there = [rival.name for rival in RIVALS if not rival.is_missing]
    print("rivals: ready:", ", ".join(there) or "none")
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
