"""Functions that numba compiles at their first call, and keeps compiled on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, which other threads may run meanwhile.

    The code on disk is as good as its own file is old: a constant or a compiled function of another file would stay as
    it was when that file changes. So whatever comes from elsewhere is an argument.
    """
    return njit(nogil=True, cache=True, error_model="numpy")(function)
