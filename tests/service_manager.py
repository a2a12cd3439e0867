"""A real systemd that manages services for one test: a user manager in a mount namespace of its own, which sees nothing of the host's."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANAGER = "/lib/systemd/systemd"
START = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/user/0/systemd/user
chmod 700 /run/user/0
for root in /sys/fs/cgroup/systemd /sys/fs/cgroup; do
    [ -w $root/cgroup.procs ] && mkdir -p $root/$1 && echo $$ > $root/$1/cgroup.procs && break
done
export XDG_RUNTIME_DIR=/run/user/0
exec $0 --user --log-target=console
"""


class Manager:
    """Asks the manager, from within its namespace."""

    def __init__(self, pid: int) -> None:
        self._inside = ["nsenter", "-t", str(pid), "-m", "env", "XDG_RUNTIME_DIR=/run/user/0"]

    def run(self, *command: str, given: str = "", within_s: float = 60) -> subprocess.CompletedProcess[str]:
        """A command, with its output."""
        return subprocess.run([*self._inside, *command], input=given, capture_output=True, text=True, timeout=within_s, check=False)

    def write(self, path: str, text: str) -> None:
        """A file below the folder of the units."""
        whole = f"/run/user/0/systemd/user/{path}"
        assert self.run("bash", "-c", f"mkdir -p $(dirname {whole}) && cat > {whole}", given=text).returncode == 0

    def show(self, unit: str) -> dict[str, str]:
        """What the manager says of a service."""
        told = self.run("systemctl", "--user", "show", unit, "-p", "ActiveState,StatusText,NRestarts,MainPID,Result").stdout
        return dict(line.split("=", 1) for line in told.splitlines())

    def allows(self, *properties: str) -> bool:
        """Whether a service with these properties can run here."""
        words = [word for each in properties for word in ("-p", each)]
        return self.run("systemd-run", "--user", "--wait", "-q", "-p", "Type=oneshot", *words, "/bin/true").returncode == 0


@contextmanager
def service_manager(log: Path) -> Iterator[Manager | None]:
    """A manager; None where none can run: without root, without systemd, or in a container that allows no namespace."""
    if os.geteuid() or not Path(MANAGER).exists() or not all(map(shutil.which, ("unshare", "nsenter", "systemd-run"))):
        yield None
        return
    with log.open("wb") as sink:
        command = ["unshare", "-m", "bash", "-c", START, MANAGER, f"test-{os.getpid()}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
    manager = Manager(process.pid)
    try:
        until_s = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until_s and not manager.allows():
            time.sleep(0.2)
        yield manager if process.poll() is None and manager.allows() else None
    finally:
        manager.run("systemctl", "--user", "exit")
        process.terminate()
        process.wait(20)
