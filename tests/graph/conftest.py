from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ot_assets.strategies import registry


@pytest.fixture
def strategy() -> Iterator[Callable[..., Any]]:
    """The decorator `@strategy`, for strategies that are forgotten after the test."""
    list(registry.every())
    before = dict(registry._REGISTRY)
    yield registry.strategy
    for key in set(registry._REGISTRY) - set(before):
        del registry._REGISTRY[key]
        registry._models().pop(key, None)
