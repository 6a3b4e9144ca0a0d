"""Functions that numba compiles at their first call, and keeps compiled on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

log = logging.getLogger("ot.stage")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, which other threads may run meanwhile.

    The code on disk is as good as its own file is old: a constant or a compiled function of another file would stay as
    it was when that file changes. So whatever comes from elsewhere is an argument. Where there is no folder to keep
    code in, each process compiles anew.
    """
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba's word for a disk that takes nothing
        log.debug("%s is not kept compiled: set NUMBA_CACHE_DIR to a folder that can be written", function.__name__)
        return njit(nogil=True, error_model="numpy")(function)
