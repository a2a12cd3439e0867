from tapewatch.model.table import Status
from tapewatch.query.frame import subjects, verdict_frame
from tapewatch.query.verdict import Verdict


def verdict(table: str, status: Status = Status.DOWN, **key: str) -> Verdict:
    return Verdict(table, key, ("bot",), status, "not connected", 5, 7, 1_000_000, is_stale=False)


def named(*verdicts: Verdict) -> list[str]:
    names = subjects(verdicts)
    return [names[id(one)] for one in verdicts]


def test_a_series_is_named_by_what_it_is_about() -> None:
    assert named(verdict("exchange", env="live", host="h1", venue="kraken")) == ["exchange kraken"]
    assert named(verdict("host", env="live", host="h1")) == ["host h1"]


def test_two_hosts_that_watch_the_same_are_told_apart() -> None:
    first, second = (verdict("exchange", env="live", host=host, venue="kraken") for host in ("h1", "h2"))
    assert named(first, second) == ["exchange kraken on h1", "exchange kraken on h2"]


def test_two_environments_on_one_host_are_told_apart() -> None:
    first, second = (verdict("exchange", env=env, host="h1", venue="kraken") for env in ("live", "paper"))
    assert named(first, second) == ["exchange kraken on h1 in live", "exchange kraken on h1 in paper"]


def test_only_what_is_wrong_is_listed_but_everything_watched_is_counted() -> None:
    frame = verdict_frame(
        [verdict("exchange", venue="kraken"), verdict("exchange", Status.UP, venue="okx")],
        ["exchange", "exchange"],
        start_us=0,
        end_us=9,
        as_of_us=9,
    )
    assert frame.rows == 1
    assert len(frame.series) == 2
    assert frame.to_json()["columns"][1]["values"] == ["exchange kraken"]
