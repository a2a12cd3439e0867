"""Reading over HTTP: questions, catalogue, dashboards, values, status."""

import contextlib
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tapewatch.errors import TapewatchError
from tapewatch.model.query import Function, Measure, Query, check
from tapewatch.query.wire import query_from_json
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.dashboards.marks import MARKS
from tapewatch.surfaces.web.schemas.catalog import CatalogOut
from tapewatch.surfaces.web.schemas.dashboards import DashboardsOut
from tapewatch.surfaces.web.schemas.frame import FrameOut
from tapewatch.surfaces.web.schemas.question import QueryBody
from tapewatch.surfaces.web.schemas.status import StatusOut
from tests.surfaces.web.stack import Stack


async def fill(web: Stack) -> None:
    now_us = web.clock.now_us()
    rows = [
        {"venue": venue, "ts": now_us - age * 1_000_000, "connected": venue != "okx", "latency_ms": 10.0 * age}
        for venue in ("kraken", "okx")
        for age in (1, 2, 3)
    ]
    assert (await web.take("exchange", *rows, period_s=1)).accepted == 6


async def test_an_address_and_a_record_give_the_same_frame(web: Stack) -> None:
    await fill(web)
    by_address = await web.http.get("/api/query?table=exchange&measure=max(latency_ms)&by=venue&last=1h&where=venue:kraken")
    by_record = await web.http.post(
        "/api/query",
        json={
            "table": "exchange",
            "measures": [{"function": "max", "column": "latency_ms"}],
            "group_by": ["venue"],
            "range": {"last_s": 3600},
            "filters": [{"column": "venue", "values": ["kraken"]}],
        },
    )
    for answer in (by_address, by_record):
        assert answer.status_code == 200
        frame = answer.json()
        FrameOut.model_validate(frame)
        assert {column["name"]: column["values"] for column in frame["columns"]} == {"venue": ["kraken"], "max_latency_ms": [30.0]}
        assert frame["series"][0]["key"] == {"venue": "kraken"}
        assert answer.headers["cache-control"] == "no-store"


async def test_every_shape_of_frame_fits_its_description(web: Stack) -> None:
    await fill(web)
    for address in ("mode=rows", "mode=latest", "measure=worst(connected)&by=venue&bucket=1s&last=1min", "measure=count()&bucket=auto"):
        frame = (await web.http.get(f"/api/query?table=exchange&{address}")).json()
        FrameOut.model_validate(frame)
        assert frame["rows"] == len(frame["columns"][0]["values"])


async def test_a_wrong_question_is_told_with_its_position(web: Stack) -> None:
    wrong = {
        "table=nonsense": "nonsense",
        "table=exchange&measure=avg(colour)": "measures[0].column",
        "table=exchange&last=soon": "last",
        "table=exchange&start=2026-01-02T03:04:05": "no zone",
        "table=exchange&measures=x": "'measures'",
        "": "table",
        "table=exchange&measure=count()&bucket=1s&last=90d": "bucket",
    }
    for address, words in wrong.items():
        answer = await web.http.get(f"/api/query?{address}")
        assert answer.status_code == 400, address
        assert words in answer.json()["error"]["message"], address


async def test_a_record_is_read_strictly(web: Stack) -> None:
    good = {"table": "exchange", "mode": "rows"}
    wrong = [
        {**good, "limit": True},
        {**good, "limit": "5"},
        {**good, "colour": 1},
        {**good, "table": 5},
        {**good, "range": {"last_s": "5"}},
        [good],
        5,
    ]
    for body in wrong:
        answer = await web.http.post("/api/query", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request"), body
        assert answer.json()["error"]["message"].startswith("body"), body
    assert (await web.http.post("/api/query", content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
    assert (await web.http.post("/api/query", json=good)).status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = st.sampled_from([*QueryBody.model_fields, "colour"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PARTS, JSON, max_size=5))
def test_whatever_is_asked_is_answered_or_refused_but_never_breaks(body: dict[str, object]) -> None:
    try:
        question = QueryBody.model_validate({"table": "exchange", **body})
    except ValidationError:
        return
    with contextlib.suppress(TapewatchError):
        query_from_json(question.model_dump(exclude_none=True), 1_800_000_000_000_000)


async def test_the_catalogue_names_the_functions_that_take_each_column(web: Stack) -> None:
    found = (await web.http.get("/api/catalog")).json()
    for table in found["tables"]:
        for column in table["columns"]:
            for function in column["functions"]:
                argument = {"quantile": 0.5, "time_in_state": (column["states"] or [{"name": "true"}])[0]["name"]}.get(function)
                measure = Measure(Function(function), column["name"], argument)
                check(Query(table["name"], 0, 1, measures=(measure,)), web.parts.catalog[table["name"]])


async def test_the_catalogue_has_every_table_and_unit(web: Stack) -> None:
    found = (await web.http.get("/api/catalog")).json()
    CatalogOut.model_validate(found)
    assert {table["name"] for table in found["tables"]} == set(web.parts.catalog)
    exchange = next(table for table in found["tables"] if table["name"] == "exchange")
    latency = next(column for column in exchange["columns"] if column["name"] == "latency_ms")
    assert latency["thresholds"] == {"degraded": 300, "down": 500, "above": True}
    assert {column["unit"] for table in found["tables"] for column in table["columns"]} <= set(found["units"])


async def test_the_dashboards_are_given_in_the_order_of_the_rail(web: Stack) -> None:
    found = (await web.http.get("/api/dashboards")).json()
    DashboardsOut.model_validate(found)
    assert [board["id"] for board in found["dashboards"]] == [board.id for board in DASHBOARDS]
    assert [panel["id"] for panel in found["marks"]["panels"]] == [panel.id for panel in MARKS.panels]


async def test_values_of_a_tag(web: Stack) -> None:
    await fill(web)
    assert (await web.http.get("/api/values?table=exchange&column=venue")).json() == {"values": ["kraken", "okx"]}
    for address in ("table=nonsense&column=venue", "table=exchange&column=latency_ms", "table=exchange"):
        assert (await web.http.get(f"/api/values?{address}")).status_code == 400, address


async def test_the_status_counts_what_is_wrong_on_every_dashboard(web: Stack) -> None:
    before = (await web.http.get("/api/status")).json()
    StatusOut.model_validate(before)
    assert before["dashboards"]["exchange"] == {"status": "unknown", "wrong": 0}
    await fill(web)
    web.parts.board.judge()
    found = (await web.http.get("/api/status")).json()
    assert found["dashboards"]["exchange"] == {"status": "degraded", "wrong": 1}
    assert found["dashboards"]["overview"]["wrong"] == 1
    assert found["dashboards"]["feeds"]["wrong"] == 0
    assert abs(found["ingest"]["newest_us"] - web.clock.now_us()) < 5_000_000
    assert found["store"]["state"] == "ok"


async def test_the_status_tells_this_hosts_clock_and_no_other_hosts(web: Stack) -> None:
    await web.take("host", {"host": "h1", "clock_synchronised": True, "clock_error_ms": 1.5}, {"host": "h2", "clock_synchronised": False})
    assert (await web.http.get("/api/status")).json()["clock"] == {"synchronised": True, "error_ms": 1.5}


async def test_unknown_paths_are_told_in_the_form_of_every_error(web: Stack) -> None:
    for method, path in (("GET", "/api/nothing"), ("POST", "/api/nothing/at/all"), ("DELETE", "/api/catalog"), ("GET", "/missing.js")):
        answer = await web.http.request(method, path)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["error"]["code"] == "not_found"
        assert json.loads(answer.content)["error"]["message"].startswith("there is no")
