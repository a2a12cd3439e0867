"""All tests in two runs: those that may share the machine, side by side, then those that hold the product to a promise of time, alone.

What follows ``--workers N`` goes to both runs: paths and options of pytest. A part may lie in one of the runs alone, not in neither.
"""

import argparse
import subprocess
import sys

NOTHING_SELECTED = 5
"""Pytest's exit code when no test was selected."""


def main() -> int:
    """Exit code of the first run that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="2", help="test processes of the first run")
    given, rest = parser.parse_known_args()
    codes: list[int] = []
    for choice in (["-n", given.workers, "-m", "not alone"], ["-m", "alone"]):
        codes.append(subprocess.run([sys.executable, "-m", "pytest", *choice, *rest], check=False).returncode)
        if codes[-1] not in {0, NOTHING_SELECTED}:
            return codes[-1]
    is_part = bool(rest) and 0 in codes
    return 0 if is_part else max(codes)


if __name__ == "__main__":
    sys.exit(main())
