"""Every exception has a status and one form, and tells nothing it should not."""

from collections.abc import Iterator

import orjson
import pytest
from fastapi import APIRouter

from tapewatch import errors
from tapewatch.errors import StoreUnavailable, TapewatchError
from tapewatch.surfaces.web.errors import STATUS, response_to, status_of
from tests.surfaces.web.stack import Stack


def tree(root: type[TapewatchError] = TapewatchError) -> Iterator[type[TapewatchError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("kind", [kind for kind in tree() if kind.__module__ == errors.__name__])
def test_every_class_of_the_tree_has_a_status_and_the_one_form(kind: type[TapewatchError]) -> None:
    error = kind("what happened")
    answer = response_to(error)
    assert answer.status_code == status_of(error)
    assert kind in STATUS or STATUS.keys() & set(kind.__mro__) - {TapewatchError}
    assert orjson.loads(answer.body) == {"error": {"code": kind.code, "message": "what happened"}}


def test_who_must_come_back_is_told_when() -> None:
    assert response_to(StoreUnavailable("busy", retry_after_s=2.2)).headers["retry-after"] == "3"
    assert response_to(StoreUnavailable("busy", retry_after_s=0.1)).headers["retry-after"] == "1"


async def test_a_bug_is_answered_without_its_text(web: Stack) -> None:
    routes = APIRouter()

    @routes.get("/broken-route")
    async def broken() -> None:
        raise ZeroDivisionError("a secret detail")

    web.app.router.routes[:0] = routes.routes
    answer = await web.http.get("/broken-route")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text
