"""The list of venues is complete, and each venue is under the shipped contract."""

from pathlib import Path

from tapewatch.sources.collectors.feed import venues
from tapewatch.sources.collectors.feed.venues import OLDER, VENUES


def test_every_file_of_the_folder_is_in_the_list_in_order_and_once() -> None:
    files = sorted(path.stem for path in Path(venues.__file__).parent.glob("*.py") if path.stem not in {"__init__", "base", "common"})
    assert [venue.id for venue in VENUES] == [venue.__module__.rsplit(".", 1)[-1] for venue in VENUES]
    assert sorted([*(venue.id for venue in VENUES), *OLDER]) == files
    assert [venue.id for venue in VENUES] == sorted(venue.id for venue in VENUES)
    assert [venue.__module__.rsplit(".", 1)[-1] for venue in OLDER.values()] == list(OLDER)


def test_an_older_protocol_is_of_a_venue_that_has_one_of_today() -> None:
    assert {venue.id for venue in OLDER.values()} <= {venue.id for venue in VENUES}


def test_every_venue_has_a_test_of_its_name() -> None:
    folder = Path(__file__).parent
    for name in (*(venue.id for venue in VENUES), *OLDER):
        assert "FeedVenueSuite" in (folder / f"test_{name}.py").read_text()


def test_the_page_of_every_fact_is_named() -> None:
    for venue in (*VENUES, *OLDER.values()):
        module = __import__(venue.__module__, fromlist=["__doc__"])
        text = module.__doc__ or ""
        for word in ("Address", "Limits", "Heartbeat", "Times", "Sequence", "What can be seen"):
            assert word in text, f"{venue.id}: {word}"
