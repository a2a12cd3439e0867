"""A collector from its table of the settings: the fields of its dataclass are its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from tapewatch.errors import ConfigError
from tapewatch.sources.base import Collector
from tapewatch.sources.http_json import redacted
from tapewatch.sources.shown import shown

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
"""A number of seconds above 0 and at most a day."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")
_PLAIN = {str: "a text", float: "a number", int: "an integer", bool: "true or false", NoneType: "nothing"}
_HOLDERS = {tuple: "a list", list: "a list", dict: "a table"}


def settings_of(kind: type[Collector]) -> dict[str, Field[Any]]:
    """The fields of a collector that the settings may give, by name."""
    return {field.name: field for field in fields(cast("Any", kind)) if field.init}


def build_collector(name: str, given: Mapping[str, object], kinds: Sequence[type[Collector]]) -> Collector:
    """Make the collector ``[collectors.NAME]``.

    Args:
        name: Its name; becomes the ``source`` of its rows.
        given: ``kind`` and the collector's own fields.
        kinds: The classes to choose from.

    Raises:
        ConfigError: Names key, value and what is allowed.
    """
    place = ("collectors", name)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"collectors.{shown(name)}: a name takes letters, digits and _ . - and at most 63 of them", path=place)
    by_kind = {kind.kind: kind for kind in kinds}
    wanted = given.get("kind")
    if not isinstance(wanted, str) or wanted not in by_kind:
        what = "is missing" if wanted is None else f"{shown(wanted)!r} is not known"
        raise ConfigError(f"collectors.{name}.kind: {what}; allowed are {', '.join(by_kind)}", path=(*place, "kind"))
    kind = by_kind[wanted]
    known = settings_of(kind)
    for key in given:
        if key not in known and key != "kind":
            allowed = ", ".join(("kind", *known))
            raise ConfigError(
                f"collectors.{name}.{shown(key)}: a {wanted} collector has no such setting; allowed are {allowed}", path=(*place, key)
            )
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for key, field in known.items():
        if key in given:
            values[key] = _convert(place, key, given[key], hints[key])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"collectors.{name}.{key}: is missing; {field.metadata['sentence']}", path=place)
    try:
        return kind(**values)
    except ConfigError as error:
        key = str(error).partition(":")[0]
        raise ConfigError(f"collectors.{name}.{error}", path=(*place, key) if key in known else place) from error


def _convert(place: tuple[str, ...], key: str, value: object, hint: Any) -> Any:  # noqa: ANN401 - a type, known at run time only
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        told = shown(redacted(value) if "url" in key and isinstance(value, str) else value)
        raise ConfigError(f"{'.'.join(place)}.{key}: {told!r} is not {allowed_words(hint)}", path=(*place, key)) from error


def allowed_words(hint: Any) -> str:  # noqa: ANN401 - a type, known at run time only
    """What a field takes, in words.

    >>> allowed_words(Seconds), allowed_words(tuple[str, ...]), allowed_words(Literal["a", "b"])
    ('a number above 0 and up to 86400', 'a list of a text each', "one of 'a', 'b'")
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return allowed_words(arguments[0]) + "".join(_bounds(meta) for meta in arguments[1:] if isinstance(meta, msgspec.Meta))
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in {Union, UnionType}:
        return " or ".join(map(allowed_words, arguments))
    if origin is dict and arguments[-1] is Any:
        return _HOLDERS[dict]
    if origin in _HOLDERS:
        return f"{_HOLDERS[origin]} of {allowed_words(arguments[-1] if origin is dict else arguments[0])} each"
    return _PLAIN.get(hint, str(hint))


def _bounds(meta: msgspec.Meta) -> str:
    words = {"above": meta.gt, "from": meta.ge, "below": meta.lt, "up to": meta.le}
    parts = [f"{word} {bound:g}" for word, bound in words.items() if bound is not None]
    return f" {' and '.join(parts)}" if parts else ""
