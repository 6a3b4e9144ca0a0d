"""Texts that hang together because each was found like one before it."""

from __future__ import annotations

import numpy as np


def roots(parents: np.ndarray) -> np.ndarray:
    """For each number the one at the end of its chain, where `parents[n]` is the next one, and of an end itself.

    Each round doubles the step, so that a chain of n takes log2(n) rounds. In a circle, which has no end, every number
    still gets one of the circle.
    """
    found = parents
    for _ in range(len(parents).bit_length()):
        further = found[found]
        if np.array_equal(further, found):
            break
        found = further
    return found
