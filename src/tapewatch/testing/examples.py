"""How many random examples a test tries whose examples are dear."""

from __future__ import annotations

from hypothesis import settings

USUAL_OF_PROFILE = 100
"""What Hypothesis tries when nobody says otherwise."""
LEAST = 3


def examples(usual: int) -> int:
    """The number to give as ``max_examples`` within a test: ``usual``, or its share when a profile of Hypothesis wants fewer or more."""
    return max(LEAST, usual * settings().max_examples // USUAL_OF_PROFILE)
