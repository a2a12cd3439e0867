"""Times inside documents, whatever their unit and spelling."""

import pytest

from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit, to_us

MOMENT_US = 1_597_026_383_085_123


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("1597026383.085123", TimeUnit.SECOND),
        (1597026383085.123, TimeUnit.MILLISECOND),
        (MOMENT_US, TimeUnit.MICROSECOND),
        (str(MOMENT_US * 1000 + 7), TimeUnit.NANOSECOND),
        ("2020-08-10T02:26:23.085123Z", TimeUnit.ISO),
    ],
)
def test_every_spelling_is_the_same_moment(value: object, unit: TimeUnit) -> None:
    assert to_us(value, unit) == MOMENT_US


@pytest.mark.parametrize("value", [None, True, "soon", "nan", "inf", [], {}])
@pytest.mark.parametrize("unit", TimeUnit)
def test_what_is_no_time_is_refused(value: object, unit: TimeUnit) -> None:
    with pytest.raises(ValueError, match=r"time|Invalid isoformat"):
        to_us(value, unit)


@pytest.mark.parametrize("document", [{}, [], {"data": 1}, {"data": []}, {"data": [{"x": 1}]}, {"data": "1597026383"}, None, "text"])
def test_a_path_that_leads_nowhere_is_named(document: object) -> None:
    with pytest.raises(LookupError):
        TimeField(("data", 0, "ts"), TimeUnit.MILLISECOND).read(document)


def test_a_position_in_a_text_is_nothing() -> None:
    with pytest.raises(LookupError):
        TimeField(("ts", 0), TimeUnit.SECOND).read({"ts": "1597026383"})
