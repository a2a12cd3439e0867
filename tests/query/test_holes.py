import numpy as np

from tapewatch.query.holes import explain, find_holes
from tapewatch.query.outages import Outage

S = 1_000_000


def buckets(*starts_s: int) -> np.ndarray:
    return np.array(starts_s, np.int64) * S


def test_a_series_without_a_missing_bucket_has_no_hole() -> None:
    assert find_holes(buckets(0, 1, 2, 3), S, S) == []


def test_a_hole_is_half_open_between_two_buckets_with_rows() -> None:
    assert find_holes(buckets(0, 1, 2, 9, 10), S, S) == [(3 * S, 9 * S)]


def test_rows_ten_seconds_apart_in_buckets_of_one_second_are_no_holes() -> None:
    assert find_holes(buckets(0, 10, 20, 30), S, 10 * S) == []
    assert find_holes(buckets(0, 10, 40), S, 10 * S) == [(11 * S, 40 * S)]


def test_without_an_expectation_the_usual_spacing_of_the_buckets_counts() -> None:
    assert find_holes(buckets(0, 5, 10, 15, 60, 65), S, None) == [(16 * S, 60 * S)]


def test_one_row_has_no_hole() -> None:
    assert find_holes(buckets(3), S, S) == []


def test_a_hole_is_explained_by_the_outage_of_its_source_that_overlaps_it() -> None:
    outages = [Outage("other", 0, 99 * S, "not mine"), Outage("kraken", 4 * S, None, "collector kraken fails: refused")]
    (first, second) = explain([(3 * S, 9 * S), (0, 2 * S)], ["kraken"], outages)
    assert first.why == "collector kraken fails: refused"
    assert second.why == "kraken sent nothing"


def test_an_outage_of_the_server_explains_the_holes_of_every_source() -> None:
    (hole,) = explain([(3 * S, 9 * S)], ["any"], [Outage("", 2 * S, 5 * S, "tapewatch was not running")])
    assert hole.why == "tapewatch was not running"
