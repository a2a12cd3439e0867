"""What the kernel says about the clock is never better than what it says."""

from tapewatch.sources.kernel_clock import STA_UNSYNC, TIME_ERROR, KernelClock, interpret, read_kernel_clock


def test_a_synchronised_clock_has_an_error_in_milliseconds() -> None:
    assert interpret(0, 0x2001, 1500) == KernelClock(is_synchronised=True, error_ms=1.5)


def test_an_unsynchronised_clock_knows_no_error() -> None:
    assert interpret(TIME_ERROR, 0, 500) == KernelClock(is_synchronised=False, error_ms=None)
    assert interpret(0, STA_UNSYNC, 16_000_000) == KernelClock(is_synchronised=False, error_ms=None)


def test_this_kernel_answers() -> None:
    clock = read_kernel_clock()

    assert clock.is_synchronised in {True, False, None}
    assert (clock.error_ms is None) == (clock.is_synchronised is not True)
