"""Every source has a recipe: a collector's kind in settings that can be copied, a receiver's path in a request."""

import re

import pytest

from tapewatch.sources.base import Collector, Receiver
from tapewatch.sources.collectors import COLLECTORS
from tapewatch.sources.nearby import KINDS
from tapewatch.sources.receivers import RECEIVERS
from tests.sizes import ROOT

RECIPES = {path.name: path.read_text() for path in (ROOT / "docs" / "howto").glob("*.md")}


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda collector: collector.kind)
def test_every_collector_has_a_recipe(collector: type[Collector]) -> None:
    assert [name for name, text in RECIPES.items() if f'kind = "{collector.kind}"' in text]


@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver.name)
def test_every_receiver_has_a_recipe(receiver: Receiver) -> None:
    beginnings = [re.split(r"/?\{", path)[0] for path in receiver.paths]
    assert [name for name, text in RECIPES.items() if any(begin in text for begin in beginnings) or receiver.name.partition("_")[0] in text]


def test_the_recipe_of_connect_names_every_port_that_is_asked() -> None:
    text = RECIPES["connect.md"]
    assert [door.port for kind in KINDS for door in kind.doors if str(door.port) not in text] == []
