"""Numbers that a test measured and does not judge: they are shown at the end of the run, from whichever process the test ran in."""

import pytest

TOLD = "told"
"""Name of the property of a test that holds its text."""


def told(reporter: pytest.TerminalReporter) -> list[str]:
    """The texts of all tests that passed."""
    reports = [report for report in reporter.getreports("passed") if isinstance(report, pytest.TestReport)]
    return [str(text) for report in reports for name, text in report.user_properties if name == TOLD]
