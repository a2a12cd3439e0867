"""What the kernel says about the host's clock (``ntp_adjtime``, read only; see adjtimex(2))."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

STA_UNSYNC = 0x40
TIME_ERROR = 5

_US_PER_MS = 1000.0


class _Timex(ctypes.Structure):
    """The beginning of ``struct timex``, the same on Linux and BSD; the rest is only room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


@dataclass(frozen=True, slots=True)
class KernelClock:
    """The kernel's opinion of its clock.

    Attributes:
        is_synchronised: Whether something keeps it in time; None when the kernel does not say.
        error_ms: Largest error; None when it is not synchronised (the kernel then only reports its limit of 16 s) or not known.
    """

    is_synchronised: bool | None = None
    error_ms: float | None = None


def read_kernel_clock() -> KernelClock:
    """Ask the kernel; never raises, because not knowing is an answer."""
    try:
        function = ctypes.CDLL(None, use_errno=True).ntp_adjtime
    except (OSError, AttributeError, TypeError):
        return KernelClock()
    timex = _Timex()
    state = int(function(ctypes.byref(timex)))
    if state < 0:
        return KernelClock()
    return interpret(state, int(timex.status), int(timex.maxerror))


def interpret(state: int, status: int, maxerror_us: int) -> KernelClock:
    """The answer of ``ntp_adjtime``: its return value, and ``status`` and ``maxerror`` (microseconds) of ``struct timex``."""
    if state == TIME_ERROR or status & STA_UNSYNC:
        return KernelClock(is_synchronised=False)
    return KernelClock(is_synchronised=True, error_ms=maxerror_us / _US_PER_MS)
