"""What several tests of engines ask: a real endpoint, one process a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder for temporary files, here and in processes; pytest's own names are too long for sockets."""
    with tempfile.TemporaryDirectory(prefix="ot-") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)
