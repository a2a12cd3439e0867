"""``/api/connect``: what stands beside, the ways in, and that every way that is shown is taken by the server itself."""

import shlex
import tomllib

import pytest

from tapewatch.settings import parse
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.surfaces.dashboards.feeding import ADDRESS
from tapewatch.surfaces.ways import WAYS, Way
from tapewatch.surfaces.web.schemas.connect import ConnectOut
from tests.surfaces.web.stack import Stack

BY_LANGUAGE = {language: [way for way in WAYS if way.language == language] for language in ("toml", "curl", "python")}


async def test_it_tells_what_it_found_and_every_way_in(web: Stack) -> None:
    answer = await web.http.get("/api/connect")
    told = ConnectOut.model_validate(answer.json())
    assert answer.headers["cache-control"] == "no-store"
    assert (told.is_on, told.neighbours) == (True, [])
    assert told.at_us is not None
    assert abs(told.at_us - web.clock.now_us()) < 60_000_000
    assert [way.title for way in told.ways] == [way.title for way in WAYS]


@pytest.mark.parametrize("way", BY_LANGUAGE["toml"], ids=lambda way: way.title)
def test_settings_that_are_shown_are_settings(way: Way) -> None:
    _, problems = parse(way.code)
    assert not problems
    for name, fields in tomllib.loads(way.code)["collectors"].items():
        collector_from_settings(name, fields)


@pytest.mark.parametrize("way", BY_LANGUAGE["curl"], ids=lambda way: way.title)
async def test_requests_that_are_shown_are_taken(way: Way, web: Stack) -> None:
    words = shlex.split(way.code)
    address = next(word for word in words if word.startswith(ADDRESS)).removeprefix(ADDRESS)
    body = next((words[place + 1] for place, word in enumerate(words) if word in {"-d", "--data-binary"}), None)
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    answer = await (web.http.get(address) if body is None else web.http.post(address, content=body, headers=headers))
    assert answer.status_code in {200, 204}, answer.text
    assert answer.status_code == 204 or answer.json()["refused_total"] == 0


def test_every_language_is_tried_here_or_run_by_the_tests_of_empty_panels() -> None:
    assert sum(map(len, BY_LANGUAGE.values())) == len(WAYS)
