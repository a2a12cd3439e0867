"""All tests in three runs: those that may share the machine; the benches; alone, those that hold the product to a promise of time.

What follows ``--workers N`` goes to every run: paths and options of pytest. A part may lie in one of the runs alone, not in none.
"""

import argparse
import subprocess
import sys

NOTHING_SELECTED = 5
"""Pytest's exit code when no test was selected."""


def main() -> int:
    """Exit code of the first run that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4, help="test processes of the first run; half as many benches run side by side")
    given, rest = parser.parse_known_args()
    runs = (
        ["-n", str(given.workers), "-m", "not alone and not bench"],
        ["-n", str(max(1, given.workers // 2)), "-m", "bench"],
        ["-m", "alone"],
    )
    codes: list[int] = []
    for choice in runs:
        codes.append(subprocess.run([sys.executable, "-m", "pytest", *choice, *rest], check=False).returncode)
        if codes[-1] not in {0, NOTHING_SELECTED}:
            return codes[-1]
    is_part = bool(rest) and 0 in codes
    return 0 if is_part else max(codes)


if __name__ == "__main__":
    sys.exit(main())
