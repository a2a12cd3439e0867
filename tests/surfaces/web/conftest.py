"""A running web surface for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.surfaces.web.stack import Stack, running


@pytest.fixture
async def web() -> AsyncIterator[Stack]:
    """A server without a token over an empty in-memory store."""
    async with running() as stack:
        yield stack
