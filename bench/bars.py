"""A measured number beside its target, printed the same way by every script."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Bar:
    """One number and its target.

    Attributes:
        name: What was measured, with the circumstances.
        value: The number.
        unit: Its unit.
        target: Where the bar lies; None for a number that is only told.
        is_least: True when the number is to be at least the target.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    is_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the target holds; without one, it does."""
        return self.target is None or (self.value >= self.target if self.is_least else self.value <= self.target)

    @property
    def target_text(self) -> str:
        """The target as people read it."""
        return "" if self.target is None else f"{'≥' if self.is_least else '≤'} {self.target:,.6g} {self.unit}"

    def __str__(self) -> str:
        return f"{self.name:<64} {self.value:>12,.5g} {self.unit:<8} {self.target_text:<22} {'' if self.is_met else 'MISSED'}".rstrip()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def run(measure: Callable[[bool], Iterable[Bar]], description: str) -> None:
    """Run one script: ``measure(is_short)`` gives its bars; ends the process with 1 when a target was missed.

    ``--short`` is the form of CI, less sure about the tails; ``--json FILE`` also writes the bars for `python -m bench`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--short", action="store_true", help="fewer repeats, less sure about the tails")
    parser.add_argument("--json", help="also write the numbers to this file")
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    bars: list[Bar] = []
    for bar in measure(given.short):
        print(bar, flush=True)
        bars.append(bar)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as sink:  # noqa: PTH123 - one small file
            json.dump([asdict(bar) for bar in bars], sink)
    sys.exit(0 if all(bar.is_met for bar in bars) else 1)
