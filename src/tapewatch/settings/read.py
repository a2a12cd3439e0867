"""Reading settings: the file, then the environment, then the command line; what is wrong is told with its line."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from tapewatch.errors import ConfigError
from tapewatch.settings.tree import Settings

PREFIX = "TAPEWATCH_"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings.

    Attributes:
        key: Path of the key, joined by dots.
        message: What is wrong, with the value and what is allowed.
        line: Line in the file, from 1; None when it is not in the file.
    """

    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


def read_text(path: Path) -> str:
    """The text of a settings file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the settings file {path} cannot be read: {reason}") from error


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read settings: defaults, then the file, then the environment, then ``overrides`` (nested, as the file).

    Raises:
        ConfigError: All that is wrong, one problem a line.
    """
    text = read_text(path) if path else ""
    settings, problems = parse(text, overrides)
    if settings is None:
        name = f"{path}: " if path else ""
        raise ConfigError("\n".join(f"{name}{problem}" for problem in problems))
    return settings


def parse(text: str, overrides: Mapping[str, Any] | None = None) -> tuple[Settings | None, list[Problem]]:
    """Read settings from text; gives the problems instead of raising."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        return None, [Problem("", f"this is not TOML: {error}", int(found.group(1)) if found else None)]
    try:
        settings = Settings(**_merged(_merged(data, from_environment(os.environ)), overrides or {}))
        settings.own_tables()
        settings.source_tokens()
    except ValidationError as error:
        return None, sorted((_problem(item, text) for item in error.errors()), key=lambda problem: problem.line or 0)
    except ConfigError as error:
        return None, [problem_of(error, text)]
    return settings, []


def collectors_of(text: str) -> dict[str, dict[str, Any]]:
    """The collectors of a settings text, also of one that is wrong elsewhere; what is no table of tables is left to `parse`."""
    try:
        found: object = tomllib.loads(text).get("collectors")
    except tomllib.TOMLDecodeError:
        return {}
    given = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {name: cast("dict[str, Any]", fields) for name, fields in given.items() if isinstance(fields, dict)}


def from_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """The settings among environment variables: ``TAPEWATCH_SERVER__PORT`` is ``server.port``; lists and tables are written as JSON."""
    found: dict[str, Any] = {}
    for variable, text in variables.items():
        path = variable.removeprefix(PREFIX).lower().split("__")
        if not variable.startswith(PREFIX) or path[0] not in Settings.model_fields:
            continue
        below = found
        for part in path[:-1]:
            below = below.setdefault(part, {})
        below[path[-1]] = _value(text)
    return found


def _value(text: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def problem_of(error: ConfigError, text: str) -> Problem:
    """A settings error as a problem of the text that it was found in."""
    key = ".".join(error.path)
    told, _, rest = str(error).partition(": ")
    if not told.startswith(key):
        told, rest = key, str(error)
    return Problem(told, rest, line_of(text, error.path))


def _merged(data: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for key, value in above.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = _merged(cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value))
        else:
            merged[key] = value
    return merged


def _problem(item: Mapping[str, Any], text: str) -> Problem:
    path = tuple(str(part) for part in item["loc"])
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        message = f"this key is not known (value {_short(value)}); allowed here: {', '.join(allowed_keys(path[:-1]))}"
    elif _annotation(path) is SecretStr:
        message = "the value is not allowed: a text is needed"
    elif kind == "missing":
        message = "this key is required"
    else:
        reason = str(item["msg"]).removeprefix("Value error, ")
        message = f"{_short(value)} is not allowed: {reason[0].lower()}{reason[1:]}"
    return Problem(".".join(path), message, line_of(text, path))


def _short(value: object) -> str:
    return repr(value)[:80]


def allowed_keys(path: tuple[str, ...]) -> list[str]:
    """Keys that may stand below a path of the settings; a name chosen by the user counts as any part."""
    model = _model(_annotation(path))
    return list(model.model_fields) if model else []


def _annotation(path: tuple[str, ...]) -> object:
    """The type that the settings have at a path; None for a path that they have not."""
    annotation: object = Settings
    for part in path:
        model = _model(annotation)
        if model is not None:
            field = model.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            annotation = next(iter(get_args(annotation)[1:]), None)
    return annotation


def _model(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, on which a key of a TOML text is set; else that of the nearest part above it; None when there is none."""
    best: tuple[int, int] | None = None
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header and "=" not in line.split("]", maxsplit=1)[0]:
            section = _parts(header.group(1))
            found = section
        else:
            key = _KEY.match(line)
            if not key:
                continue
            found = (*section, *_parts(key.group(1)))
        if found == path[: len(found)] and (best is None or len(found) > best[0]):
            best = (len(found), number)
    return best[1] if best else None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(
        found.group(1) or found.group(2) or found.group(3) for found in re.finditer(r'"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_\-]+)', dotted)
    )
