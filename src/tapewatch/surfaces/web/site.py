"""The built page in memory: compressed once, with the cache rules of each file."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPRESSIBLE = frozenset({".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt", ".map"})
_LEAST_WORTH_BYTES = 512
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
_TYPES = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".map": "application/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page.

    Attributes:
        body: As built.
        packed: As gzip; None when that is not smaller.
        media_type: For the header.
        etag: Quoted digest of the body.
        cache: Files under ``assets`` carry a digest in their name and never change.
    """

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str
    cache: str


class Site:
    """Files of a folder; read again when its ``index.html`` was built anew.

    Args:
        folder: Where the built page lies; may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built_ns = 0
        self._assets: dict[str, Asset] = {}

    def find(self, path: str) -> Asset | None:
        """A file by its path in the folder."""
        return self._assets.get(path)

    def index(self) -> Asset | None:
        """The page itself; None when it is not built."""
        try:
            built_ns = (self._folder / "index.html").stat().st_mtime_ns
        except OSError:
            built_ns = 0
        if built_ns != self._built_ns:
            self._assets = dict(_read(self._folder)) if built_ns else {}
            self._built_ns = built_ns
        return self._assets.get("index.html")


def _read(folder: Path) -> Iterator[tuple[str, Asset]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            path = file.relative_to(folder).as_posix()
            body = file.read_bytes()
            packed = gzip.compress(body, 9, mtime=0) if file.suffix in _COMPRESSIBLE and len(body) >= _LEAST_WORTH_BYTES else None
            yield (
                path,
                Asset(
                    body=body,
                    packed=packed if packed and len(packed) < len(body) else None,
                    media_type=_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream",
                    etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
                    cache=IMMUTABLE if path.startswith("assets/") else REVALIDATE,
                ),
            )
