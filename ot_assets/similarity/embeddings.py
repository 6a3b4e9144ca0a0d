"""Every pair of texts whose sentence embeddings are close, by matrix products over blocks.

A vector of 384 numbers takes 1.5 kB, those of a million texts 1.5 GB; a block of products takes 64 MB more. The time is
quadratic: all are compared with all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ot_assets.similarity.pairs import Pairs
from ot_resources.interfaces import Embedder

# Always so many texts together: what stands beside a text moves its vector in the seventh digit.
_TEXTS = 1024
_DIGITS = 6
# A model reads some hundred words; a tokenizer would read the rest for nothing.
_READ_CHARS = 50_000
_ROWS, _COLUMNS = 1024, 16_384


def embed(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """Float32 array of shape (texts, dimensions), rows of length 1. Of a text the first 50,000 characters count."""
    parts = [
        embedder.embed([text[:_READ_CHARS] for text in texts[start : start + _TEXTS]])
        for start in range(0, len(texts), _TEXTS)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1), dtype=np.float32)


def pairs_within(vectors: np.ndarray, threshold: float) -> Iterator[Pairs]:
    """Each pair of vectors with a cosine, rounded to 6 digits, of at least `threshold`, once: left < right."""
    for start in range(0, len(vectors), _ROWS):
        for pairs in pairs_between(vectors[start : start + _ROWS], vectors[start:], threshold):
            once = pairs.left < pairs.right
            yield Pairs(start + pairs.left[once], start + pairs.right[once], pairs.score[once])


def pairs_between(vectors: np.ndarray, others: np.ndarray, threshold: float) -> Iterator[Pairs]:
    """Each pair of a vector (left) and another (right) with a cosine, rounded to 6 digits, of at least `threshold`."""
    for start in range(0, len(vectors), _ROWS):
        block = vectors[start : start + _ROWS]
        for low in range(0, len(others), _COLUMNS):
            cosines = (block @ others[low : low + _COLUMNS].T).round(_DIGITS)
            one, other = np.nonzero(cosines >= threshold)
            yield Pairs(start + one, low + other, cosines[one, other].astype(np.float64).round(_DIGITS))
