from itertools import islice

from tapewatch.desk.demo import demo_script
from tapewatch.desk.faults import Delay, Disconnect, Freeze, Gap
from tapewatch.desk.venues import VENUES


def test_within_the_first_minute_each_trouble_is_there_and_long_enough_to_be_seen() -> None:
    faults = demo_script().faults
    begin = {type(fault): fault.at_s for fault in reversed(faults)}
    assert {kind: begin[kind] for kind in (Disconnect, Gap, Freeze, Delay)} == {Disconnect: 12, Gap: 20, Freeze: 25, Delay: 35}
    assert all(fault.at_s + getattr(fault, "for_s", 0) <= 60 for fault in faults)


def test_every_fault_is_of_a_stream_that_exists() -> None:
    symbols = {(spec.name, item.symbol) for spec, _ in VENUES for item in spec.instruments}
    for period in islice(demo_script().periods(), 3):
        for fault in period:
            assert fault.venue in {spec.name for spec, _ in VENUES}
            if isinstance(fault, (Gap, Freeze)):
                assert (fault.venue, fault.symbol) in symbols


def test_it_goes_on_after_the_first_minute() -> None:
    script = demo_script()
    starts = [fault.at_s for period in islice(script.periods(), 1, 4) for fault in period]
    assert min(starts) > 240
    assert len(starts) == 3 * len(script.repeat)
