"""Pairs of texts that a comparison found, and the best of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

# Pairs that are held before the best are picked of them.
_HELD = 4_000_000


class Pairs(NamedTuple):
    """Texts that match, by number, and how well: an Indel ratio (0 to 100) or a cosine."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray


def nearest(found: Iterable[Pairs], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(right, left, score): of each of `size` right texts that is in a pair the best left one, of equals the first."""
    score, twin = np.zeros(size), np.full(size, -1, dtype=np.int64)
    for pairs in found:
        ranked = np.lexsort((pairs.left, -pairs.score, pairs.right))
        right, first = np.unique(pairs.right[ranked], return_index=True)
        left, best = pairs.left[ranked][first], pairs.score[ranked][first]
        better = (twin[right] < 0) | (best > score[right]) | ((best == score[right]) & (left < twin[right]))
        score[right[better]], twin[right[better]] = best[better], left[better]
    matched = np.flatnonzero(twin >= 0)
    return matched, twin[matched], score[matched]


def closest(found: Iterable[Pairs], k: int) -> Pairs:
    """Of each right one its `k` best pairs, the best first; of equal scores the lower left one first.

    Held are those, and some millions of pairs beside.
    """
    held: list[Pairs] = [Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))]
    waiting = 0
    for pairs in found:
        held.append(pairs)
        waiting += len(pairs.score)
        if waiting > _HELD:
            held, waiting = [_best(held, k)], 0
    return _best(held, k)


def _best(pieces: list[Pairs], k: int) -> Pairs:
    pairs = Pairs(*(np.concatenate(column) for column in zip(*pieces, strict=True)))
    ranked = Pairs(*(column[np.lexsort((pairs.left, -pairs.score, pairs.right))] for column in pairs))
    starts = np.r_[True, ranked.right[1:] != ranked.right[:-1]] if len(ranked.right) else np.zeros(0, dtype=bool)
    numbers = np.arange(len(ranked.right))
    place = numbers - np.maximum.accumulate(np.where(starts, numbers, 0))
    return Pairs(*(column[place < k] for column in ranked))
