from collections.abc import Iterator

import pytest
from hypothesis import settings

from tapewatch.testing.examples import LEAST, examples


@pytest.fixture(autouse=True)
def _profile() -> Iterator[None]:
    before = settings.get_current_profile_name()
    yield
    settings.load_profile(before)


@pytest.mark.parametrize(("profile", "tried"), [("tapewatch", 60), ("few", 6), ("deep", 1_500)])
def test_a_profile_scales_what_a_test_asks_for(profile: str, tried: int) -> None:
    settings.load_profile(profile)
    assert examples(60) == tried
    assert examples(1) >= LEAST
