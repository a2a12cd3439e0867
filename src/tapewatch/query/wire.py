"""A question as JSON and as an address, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from tapewatch.clock import US_PER_S
from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.query.plan import bucket_for

POINTS = 300
"""Pieces into which bucket ``auto`` cuts the range."""
DEFAULT_LAST_S = 3600.0
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_CALL = re.compile(r"^([a-z_]+?|p\d{1,2}(?:\.\d+)?)\(([a-z0-9_]*)(?:,\s*([A-Za-z0-9_.]+))?\)$")
_FIELDS = frozenset(
    {"table", "range", "mode", "measures", "columns", "group_by", "bucket_s", "filters", "order_by", "limit", "cursor", "shift_s"}
)
Word = TypeVar("Word", bound=StrEnum)


def query_from_json(data: Mapping[str, Any], now_us: int) -> Query:
    """Read a question.

    Args:
        data: ``table``, ``range`` (``{"last_s"}`` or ``{"start_us", "end_us"}`` or ISO ``{"start", "end"}``; else the last hour),
            ``mode``, ``measures``, ``columns``, ``group_by``, ``bucket_s`` (seconds, "auto" or null), ``filters``,
            ``order_by``, ``limit``, ``cursor``, ``shift_s``.
        now_us: The end of a range that is given by its length.

    Raises:
        QueryError: Names the part, its value and what is allowed.
    """
    unknown = sorted(set(data) - _FIELDS)
    if unknown:
        raise QueryError(f"{unknown[0]!r} is not a part of a question; parts are {', '.join(sorted(_FIELDS))}")
    start_us, end_us = _range(data.get("range"), now_us)
    limit = data.get("limit")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
        raise QueryError(f"{limit!r} is not a whole number", position="limit")
    return Query(
        table=_text(data.get("table"), "table"),
        start_us=start_us,
        end_us=end_us,
        mode=_word(Mode, data.get("mode", "aggregate"), "mode"),
        measures=tuple(_measure(item, f"measures[{i}]") for i, item in enumerate(_items(data, "measures"))),
        columns=tuple(_text(item, f"columns[{i}]") for i, item in enumerate(_items(data, "columns"))),
        group_by=tuple(_text(item, f"group_by[{i}]") for i, item in enumerate(_items(data, "group_by"))),
        bucket_us=_bucket(data.get("bucket_s"), end_us - start_us),
        filters=tuple(_filter(item, f"filters[{i}]") for i, item in enumerate(_items(data, "filters"))),
        order_by=_text(data.get("order_by") or "", "order_by"),
        limit=limit,
        cursor=None if data.get("cursor") is None else _text(data["cursor"], "cursor"),
        shift_us=round(_number(data.get("shift_s") or 0, "shift_s") * US_PER_S),
    )


def query_to_json(query: Query, *, with_range: bool = True) -> dict[str, Any]:
    """Write a question so that `query_from_json` reads it back; parts that say nothing are left out."""
    data: dict[str, Any] = {"table": query.table, "mode": str(query.mode)}
    if with_range:
        data["range"] = {"start_us": query.start_us, "end_us": query.end_us}
    if query.measures:
        data["measures"] = [_measure_to_json(measure) for measure in query.measures]
    for name in ("columns", "group_by"):
        if getattr(query, name):
            data[name] = list(getattr(query, name))
    if query.bucket_us is not None:
        data["bucket_s"] = query.bucket_us / US_PER_S
    if query.filters:
        data["filters"] = [
            {"column": item.column, "comparison": str(item.comparison), "values": list(item.values)} for item in query.filters
        ]
    for name in ("order_by", "limit", "cursor"):
        if getattr(query, name):
            data[name] = getattr(query, name)
    if query.shift_us:
        data["shift_s"] = query.shift_us / US_PER_S
    return data


def query_from_address(parameters: Mapping[str, Sequence[str]], now_us: int) -> Query:
    """Read a question from an address: ``?table=exchange&measure=p95(latency_ms)&by=venue&bucket=10s&last=1h&where=venue:kraken,okx``.

    Raises:
        QueryError: Names the parameter, its value and what is allowed.
    """
    allowed = ("table", "mode", "measure", "column", "by", "bucket", "last", "start", "end", "where", "order", "limit", "cursor", "shift")
    unknown = sorted(set(parameters) - set(allowed))
    if unknown:
        raise QueryError(f"{unknown[0]!r} is not a parameter; parameters are {', '.join(allowed)}")

    def one(name: str) -> str | None:
        values = parameters.get(name)
        return values[-1] if values else None

    bucket, last, shift, limit = one("bucket"), one("last"), one("shift"), one("limit")
    if limit is not None and not limit.isdigit():
        raise QueryError(f"{limit!r} is not a whole number", position="limit")
    spread = [word for text in parameters.get("by", ()) for word in text.split(",")]
    data: dict[str, Any] = {
        "table": one("table"),
        "mode": one("mode") or ("aggregate" if parameters.get("measure") else "latest"),
        "range": {"start": one("start"), "end": one("end")}
        if one("start")
        else {"last_s": duration_s(last, "last") if last else DEFAULT_LAST_S},
        "measures": [measure_from_text(text, f"measure[{i}]") for i, text in enumerate(parameters.get("measure", ()))],
        "columns": [word for text in parameters.get("column", ()) for word in text.split(",")],
        "group_by": spread,
        "bucket_s": bucket if bucket in {None, "auto"} else duration_s(cast("str", bucket), "bucket"),
        "filters": [_filter_from_text(text, f"where[{i}]") for i, text in enumerate(parameters.get("where", ()))],
        "order_by": one("order"),
        "limit": int(limit) if limit else None,
        "cursor": one("cursor"),
        "shift_s": duration_s(shift, "shift") if shift else 0,
    }
    return query_from_json(data, now_us)


def duration_s(text: str, position: str) -> float:
    """Read ``90s``, ``5min``, ``1h`` or ``7d`` as seconds.

    Raises:
        QueryError: It is none of these.
    """
    found = _DURATION.match(text)
    if not found:
        raise QueryError(f"{text!r} is not a duration such as 500ms, 90s, 5min, 1h or 7d", position=position)
    return float(found.group(1)) * _SECONDS[found.group(2)]


def measure_from_text(text: str, position: str) -> dict[str, Any]:
    """Read ``avg(latency_ms)``, ``p99(latency_ms)``, ``count()`` or ``time_in_state(connected, true)``.

    Raises:
        QueryError: It is none of these.
    """
    found = _CALL.match(text.strip())
    if not found:
        raise QueryError(f"{text!r} is not a measure such as avg(latency_ms), p99(latency_ms) or count()", position=position)
    function, column, argument = found.groups()
    if function[0] == "p" and function[1:2].isdigit():
        return {"function": "quantile", "column": column, "argument": float(function[1:]) / 100, "alias": ""}
    return {"function": function, "column": column, "argument": argument}


def _filter_from_text(text: str, position: str) -> dict[str, Any]:
    column, separator, values = text.partition(":")
    if not separator:
        raise QueryError(f"{text!r} is not column:value,value", position=position)
    return {"column": column, "comparison": "in", "values": values.split(",")}


def _measure(item: object, position: str) -> Measure:
    data = _object(item, position)
    over = tuple(_measure(part, f"{position}.over[{i}]") for i, part in enumerate(_items(data, "over")))
    return Measure(
        function=_word(Function, data.get("function"), f"{position}.function"),
        column=_text(data.get("column") or "", f"{position}.column"),
        argument=data.get("argument"),
        over=over,
        alias=_text(data.get("alias") or "", f"{position}.alias"),
    )


def _measure_to_json(measure: Measure) -> dict[str, Any]:
    data: dict[str, Any] = {"function": str(measure.function)}
    if measure.column:
        data["column"] = measure.column
    if measure.argument is not None:
        data["argument"] = measure.argument
    if measure.over:
        data["over"] = [_measure_to_json(part) for part in measure.over]
    if measure.alias:
        data["alias"] = measure.alias
    return data


def _filter(item: object, position: str) -> Filter:
    data = _object(item, position)
    values = _items(data, "values")
    for value in values:
        if not isinstance(value, (str, int, float, bool)):
            raise QueryError(f"{value!r} is not a word, a number or true or false", position=f"{position}.values")
    return Filter(
        column=_text(data.get("column"), f"{position}.column"),
        comparison=_word(Comparison, data.get("comparison", "in"), f"{position}.comparison"),
        values=tuple(values),
    )


def _range(value: object, now_us: int) -> tuple[int, int]:
    data = _object(value or {}, "range")
    if "start_us" in data:
        return round(_number(data["start_us"], "range.start_us")), round(_number(data.get("end_us", now_us), "range.end_us"))
    if data.get("start") is not None:
        return _moment(data["start"], "range.start"), _moment(data["end"], "range.end") if data.get("end") else now_us
    length_s = _number(data.get("last_s", DEFAULT_LAST_S), "range.last_s")
    return now_us - round(length_s * US_PER_S), now_us


def _moment(value: object, position: str) -> int:
    try:
        moment = datetime.fromisoformat(_text(value, position))
    except ValueError as error:
        raise QueryError(f"{value!r} is not an ISO time such as 2026-01-02T03:04:05Z", position=position) from error
    if moment.tzinfo is None:
        raise QueryError(f"{value!r} has no zone; write Z or an offset behind it", position=position)
    return int(moment.timestamp()) * US_PER_S + moment.microsecond


def _bucket(value: object, range_us: int) -> int | None:
    if value is None:
        return None
    if value == "auto":
        return bucket_for(range_us, POINTS)
    return round(_number(value, "bucket_s") * US_PER_S)


def _items(data: Mapping[str, Any], name: str) -> list[Any]:
    value: object = data.get(name) or []
    if not isinstance(value, (list, tuple)):
        raise QueryError(f"{value!r} is not a list", position=name)
    return list(cast("Sequence[Any]", value))


def _object(value: object, position: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise QueryError(f"{value!r} is not an object", position=position)
    return cast("Mapping[str, Any]", value)


def _text(value: object, position: str) -> str:
    if not isinstance(value, str):
        raise QueryError(f"{value!r} is not a text", position=position)
    return value


def _number(value: object, position: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise QueryError(f"{value!r} is not a number", position=position)
    return value


def _word(words: type[Word], value: object, position: str) -> Word:
    try:
        return words(cast("str", value))
    except ValueError:
        raise QueryError(f"{value!r} is not one of {', '.join(words)}", position=position) from None
