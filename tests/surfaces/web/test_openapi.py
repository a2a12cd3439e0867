"""The HTTP interface is a promise: a change of it is seen in review."""

import json

from scripts import api


def test_the_description_and_the_pages_types_are_the_committed_ones() -> None:
    assert json.loads(api.GOLDEN.read_text()) == json.loads(api.description()), "run `make api` and read the difference"
    assert all(path.read_text() == text for path, text in api.wanted().items()), "run `make api`"


def test_every_reference_in_the_description_leads_somewhere() -> None:
    found = json.loads(api.description())
    schemas = found["components"]["schemas"]

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [reference for value in part.values() for reference in references(value)]
        return [reference for value in part for reference in references(value)] if isinstance(part, list) else []

    assert {reference.rpartition("/")[2] for reference in references(found)} <= set(schemas)
