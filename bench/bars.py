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


def parser(description: str) -> argparse.ArgumentParser:
    """The switches that every script has: ``--short`` is the form of CI, ``--json FILE`` also writes the bars for `python -m bench`."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--short", action="store_true", help="fewer repeats, less sure about the tails")
    found.add_argument("--json", help="also write the numbers to this file")
    return found


def tell(measured: Iterable[Bar], path: str | None) -> None:
    """Print the bars as they come, write them to ``path`` if one is given, and end the process: with 1 when a target was missed."""
    print(f"Python {platform.python_version()}, {platform.machine()}")
    bars: list[Bar] = []
    for bar in measured:
        print(bar, flush=True)
        bars.append(bar)
    if path:
        with open(path, "w", encoding="utf-8") as sink:  # noqa: PTH123 - one small file
            json.dump([asdict(bar) for bar in bars], sink)
    sys.exit(0 if all(bar.is_met for bar in bars) else 1)


def run(measure: Callable[[bool], Iterable[Bar]], description: str) -> None:
    """Run one script that has no other switches: ``measure(is_short)`` gives its bars."""
    given = parser(description).parse_args()
    tell(measure(given.short), given.json)
