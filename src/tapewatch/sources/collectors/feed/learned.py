"""What was learned about the cadence of streams, kept in a file: a restart neither forgets nor calls anybody.

The file is one line that names the format, four bytes of CRC32 and a MessagePack map of stream to its `Cadence`. It is written beside
and renamed, so that a reader finds the old or the new one. One that cannot be read is left alone until it is written anew: the
streams are learned again.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sys
import zlib
from array import array
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tapewatch.sources.collectors.feed.cadence import BINS, Cadence
from tapewatch.sources.collectors.feed.season import HOURS

SAVE_S = 300.0
"""Seconds between two writings: what a killed process forgets."""

HEAD = f"tapewatch cadences 1 {sys.byteorder}\n".encode()

_SUM_BYTES = 4

_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, array_like=True):
    learned: int
    messages: float
    silences: bytes
    seconds: bytes
    shape: bytes
    recalled: bytes = b""


_KEPT = msgspec.msgpack.Decoder(dict[str, _Kept])


def learned_path(folder: Path, collector: str) -> Path:
    """The file of one collector."""
    return folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', collector)}.cadences"


def encode(cadences: Mapping[str, Cadence]) -> bytes:
    """The file's content."""
    kept = {
        name: _Kept(
            cadence.learned,
            cadence.messages,
            cadence.season.silences.tobytes(),
            cadence.season.seconds.tobytes(),
            cadence.shape.tobytes(),
            cadence.recalled.limits_s.tobytes(),
        )
        for name, cadence in cadences.items()
        if cadence.learned or cadence.recalled.limits_s
    }
    body = msgspec.msgpack.encode(kept)
    return HEAD + zlib.crc32(body).to_bytes(_SUM_BYTES, "big") + body


def write(path: Path, content: bytes) -> None:
    """Put the content in the file's place; a failure is told and tried again the next time."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        _log.warning("What was learned about the feeds could not be kept in %s: %s; a restart would learn it anew.", path, error.strerror)


def read(path: Path, cadences: Mapping[str, Cadence]) -> int:
    """Fill cadences with what the file has about them; give how many it knew. A file that cannot be used is told and left out."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    except OSError as error:
        _log.warning("%s cannot be read (%s): the cadence of its streams is learned anew.", path, error.strerror)
        return 0
    try:
        kept = _decode(content)
        known = {name: _arrays(kept[name]) for name in cadences if name in kept}
    except (ValueError, msgspec.DecodeError) as error:
        _log.warning("%s is not what was written (%s): the cadence of its streams is learned anew.", path, error)
        return 0
    for name, (silences, seconds, shape, recalled) in known.items():
        cadence = cadences[name]
        cadence.season.silences, cadence.season.seconds, cadence.shape = silences, seconds, shape
        cadence.recalled.limits_s = recalled
        cadence.restore(kept[name].learned, kept[name].messages)
    return len(known)


def _decode(content: bytes) -> dict[str, _Kept]:
    if not content.startswith(HEAD):
        raise ValueError("it has another format, or was written by another version or on another kind of machine")
    start = len(HEAD) + _SUM_BYTES
    body = content[start:]
    if zlib.crc32(body) != int.from_bytes(content[len(HEAD) : start], "big"):
        raise ValueError("its checksum does not fit")
    return _KEPT.decode(body)


def _arrays(kept: _Kept) -> tuple[array[float], array[float], array[float], array[float]]:
    recalled = _array(kept.recalled, HOURS) if kept.recalled else array("f")
    return _array(kept.silences, HOURS), _array(kept.seconds, HOURS), _array(kept.shape, BINS), recalled


def _array(content: bytes, length: int) -> array[float]:
    values = array("f", content) if len(content) % 4 == 0 else array("f")
    if len(values) != length or not all(math.isfinite(value) and value >= 0 for value in values):
        raise ValueError(f"{len(content)} bytes are not {length} counts")
    return values
