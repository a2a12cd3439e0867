"""`/api/retire`: series leave verdicts and newest rows by hand, and come back."""

from tests.surfaces.web.stack import Stack


async def test_a_retired_series_leaves_verdicts_and_newest_rows_and_is_named_beside(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "connected": True}, {"venue": "okx", "connected": False})
    answer = await web.http.post("/api/retire", json={"table": "exchange", "tags": {"venue": "okx"}, "why": "closed"})
    assert answer.json() == {"series": [{"env": "live", "host": "h1", "venue": "okx", "source": "bot"}]}
    frame = (await web.http.get("/api/query", params={"table": "exchange"})).json()
    assert [series["key"]["venue"] for series in frame["series"]] == ["kraken"]
    assert frame["rows"] == 1
    assert [(one["key"]["venue"], one["why"]) for one in frame["retired"]] == [("okx", "by hand: closed")]
    written = (await web.http.get("/api/query", params={"table": "silence"})).json()
    columns = {column["name"]: column["values"] for column in written["columns"]}
    assert (columns["standing"], columns["why"]) == (["retired"], ["by hand: closed"])
    answer = await web.http.post("/api/retire/back", json={"table": "exchange", "tags": {"venue": "okx"}})
    assert answer.status_code == 200
    assert (await web.http.get("/api/query", params={"table": "exchange"})).json()["rows"] == 2


async def test_what_cannot_be_retired_is_refused_by_name(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "connected": True})
    for body, told in (
        ({"table": "exchange", "tags": {"venue": "okx"}}, "no series of exchange that is not retired has venue=okx"),
        ({"table": "exchange", "tags": {}}, "name at least one tag"),
        ({"table": "nothing", "tags": {"venue": "okx"}}, "there is no table"),
    ):
        answer = await web.http.post("/api/retire", json=body)
        assert answer.status_code == 400
        assert told in answer.json()["error"]["message"]


async def test_open_panels_hear_of_it_without_a_new_row(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "connected": True}, {"venue": "okx", "connected": False})
    async with web.tab() as tab:
        await tab.subscribe("worst", "worst", "overview")
        frame = (await tab.until("frame"))["frame"]
        assert (frame["rows"], frame["retired"]) == (1, [])
        await web.http.post("/api/retire", json={"table": "exchange", "tags": {"venue": "okx"}})
        while not frame["retired"]:
            frame = (await tab.until("frame"))["frame"]
        assert (frame["rows"], [one["key"]["venue"] for one in frame["retired"]]) == (0, ["okx"])
