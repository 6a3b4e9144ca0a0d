"""Functions that numba compiles at their first call, and keeps compiled on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, which other threads may run meanwhile."""
    return njit(nogil=True, cache=True, error_model="numpy")(function)
