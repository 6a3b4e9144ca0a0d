"""What several tests of engines ask: a real endpoint, one process a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.endpoint import Plan, Served, endpoint


@pytest.fixture(scope="module")
def process() -> Iterator[Served]:
    with endpoint() as served:
        yield served


@pytest.fixture
def served(process: Served) -> Served:
    """An endpoint that answers everything, until a test has it follow another plan."""
    process.follow(Plan())
    return process
