from __future__ import annotations

from pathlib import Path

import pytest

from tests.students.base import tiny


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """A base that is trained in seconds."""
    return tiny(tmp_path_factory.mktemp("base") / "tiny")
