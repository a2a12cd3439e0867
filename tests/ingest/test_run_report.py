"""When a run of a collector is told."""

from tapewatch.ingest.run_report import RunReport


def test_the_first_run_is_told_and_then_every_nth() -> None:
    report = RunReport(every=3)
    told: list[int] = []
    for i in range(8):
        report.note(rows=1, took_s=0.1 * (i + 1))
        if report.take() is not None:
            told.append(i)

    assert told == [0, 3, 6]


def test_a_row_gathers_the_runs_since_the_row_before() -> None:
    report = RunReport(every=2)
    report.note(rows=5, took_s=0.5)
    assert report.take() == {"ok": True, "duration_ms": 500.0, "rows": 5, "error": None}
    report.note(rows=1, took_s=0.25)
    assert report.take() is None
    report.note(rows=2, took_s=0.125)
    assert report.take() == {"ok": True, "duration_ms": 250.0, "rows": 3, "error": None}


def test_a_change_is_told_at_once() -> None:
    report = RunReport(every=100)
    told: list[str | None] = []
    for error in (None, None, "down", "down", "other", None, None):
        report.note(error=error)
        row = report.take()
        if row is not None:
            told.append(row["error"])

    assert told == [None, "down", "other", None]


def test_a_row_that_did_not_arrive_is_told_again() -> None:
    report = RunReport(every=100)
    report.note()
    assert report.take() is not None
    report.note()
    assert report.take() is None
    report.forget_told()
    assert report.take() is not None


def test_an_endless_run_is_told_when_it_is_due() -> None:
    report = RunReport(every=1_000_000)
    report.add_rows(3)
    assert report.take() == {"ok": True, "duration_ms": None, "rows": 3, "error": None}
    report.add_rows(4)
    assert report.take() is None
    assert report.take(is_due=True) == {"ok": True, "duration_ms": None, "rows": 4, "error": None}
