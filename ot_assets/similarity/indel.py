"""Every pair of texts whose Indel ratio reaches a threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

_BLOCK = 256


class Pairs(NamedTuple):
    """Texts that match, by number, and their ratio (0 to 100)."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray


def pairs_within(texts: Sequence[str], threshold: float) -> Iterator[Pairs]:
    """Each pair of `texts` with `rapidfuzz.fuzz.ratio` of at least `threshold`, once: left < right."""
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        for pairs in pairs_between(block, list(texts[start:]), threshold):
            once = pairs.left < pairs.right
            yield Pairs(start + pairs.left[once], start + pairs.right[once], pairs.score[once])


def pairs_between(texts: Sequence[str], items: Sequence[str], threshold: float) -> Iterator[Pairs]:
    """Each pair of a text (left) and an item (right) with `rapidfuzz.fuzz.ratio` of at least `threshold`."""
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        scores = process.cdist(block, items, scorer=fuzz.ratio, score_cutoff=threshold, dtype=np.float64, workers=-1)
        one, other = np.nonzero(scores >= threshold)
        yield Pairs(start + one, other, scores[one, other])
