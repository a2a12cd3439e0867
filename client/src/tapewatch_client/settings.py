"""The settings of a client, with their defaults from the environment and the program."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

DEFAULT_URL = "http://127.0.0.1:4780"
MAX_MEMORY_BYTES = 16 * 1024 * 1024
MAX_SPOOL_BYTES = 256 * 1024 * 1024
FLUSH_INTERVAL_S = 0.2
TIMEOUT_S = 10.0
BATCH_ROWS = 5_000
BATCH_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Where rows go, whose they are, and the bounds.

    Attributes:
        url: Address of the server as given, without a slash at the end.
        is_secure: Whether the server is spoken to over TLS.
        server: Host name or address of the server.
        port: Port of the server.
        path: Path before ``/api/rows``, empty or beginning with a slash.
        token: Secret shown to the server, or None.
        source: Stable name of the sender.
        env: Environment the rows belong to.
        host: Name of the machine the rows are about.
        max_memory_bytes: Bound on rows in memory, waiting and being sent.
        flush_interval_s: Seconds between two batches when few rows come; without a spool twice as many when 500 and more gather meanwhile.
        timeout_s: Seconds to wait for the server at each step of a request.
        spool_dir: Folder for batches that wait for their answer; empty: they wait in memory.
        max_spool_bytes: Bound on that folder.
    """

    url: str
    is_secure: bool
    server: str
    port: int
    path: str
    token: str | None = field(repr=False)
    source: str
    env: str
    host: str
    max_memory_bytes: int
    flush_interval_s: float
    timeout_s: float
    spool_dir: str = ""
    max_spool_bytes: int = MAX_SPOOL_BYTES

    @property
    def batch_bytes(self) -> int:
        """Size at which a batch is closed: a quarter of the memory at most."""
        return min(BATCH_BYTES, self.max_memory_bytes // 4)


def split_url(url: str) -> tuple[bool, str, int, str]:
    """Take an address apart into (is secure, host, port, path); raises ValueError when it is not http or https."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")  # what connecting does, and what it imports for that
    except ValueError as error:
        raise ValueError(f"The address of tapewatch cannot be read: {error}; give one like {DEFAULT_URL}.") from error
    if parts.username is not None or parts.password is not None:
        raise ValueError("The address of tapewatch holds a user name or password; give the secret as token= instead.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"The address of tapewatch is {url!r}; give one like {DEFAULT_URL}, with http or https and without ? or #.")
    is_secure = parts.scheme == "https"
    return is_secure, parts.hostname, port or (443 if is_secure else 80), parts.path.rstrip("/")


def clean_token(token: str | None) -> str | None:
    """Strip a token as read from a file or variable; raises ValueError when it cannot stand in a header."""
    token = (token or "").strip()
    if not all("!" <= character <= "~" for character in token):
        raise ValueError("The token for tapewatch holds spaces or characters outside ASCII; give it as the server's settings name it.")
    return token or None


def default_url() -> str:
    """``TAPEWATCH_URL`` of the environment, else this machine's port 4780."""
    return os.environ.get("TAPEWATCH_URL") or DEFAULT_URL


def default_token() -> str | None:
    """``TAPEWATCH_TOKEN`` of the environment, else none."""
    return os.environ.get("TAPEWATCH_TOKEN")


def default_source() -> str:
    """The program's name: its file without ``.py``, the package for ``python -m``, ``client`` when there is none."""
    folder, name = os.path.split(sys.argv[0] if sys.argv else "")
    name = name.removesuffix(".py")
    if name == "__main__":
        name = os.path.basename(folder)  # noqa: PTH119 - pathlib would double the time of the import
    return name if name and not name.startswith("-") else "client"


def default_host() -> str:
    """This machine's name."""
    from socket import gethostname

    return gethostname()
