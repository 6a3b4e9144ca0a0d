"""The published rule of OpenThoughts3 as a plain check of the stand-ins: what a planted leak must trip and a clean row must not.

A row is hit when its rapidfuzz `fuzz.ratio` (raw strings) with any benchmark question is at least 75, or when it shares
13 consecutive lower-cased words with one. Brute force on purpose: the pipeline's fast version is tested against dirt
that this one has marked.
"""

from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz, process

RATIO = 75.0
WORDS = 13


def ngrams(text: str) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}


def ratio_hits(questions: Sequence[str], benchmark: Sequence[str]) -> list[bool]:
    """Per question, whether its ratio with any benchmark question reaches 75."""
    scores = process.cdist(questions, benchmark, scorer=fuzz.ratio, score_cutoff=RATIO, dtype=np.float32)
    return (scores >= RATIO).any(axis=1).tolist()


def ngram_hits(questions: Sequence[str], benchmark: Sequence[str]) -> list[bool]:
    """Per question, whether it shares 13 words in a row with any benchmark question."""
    known = set().union(*(ngrams(text) for text in benchmark))
    return [not known.isdisjoint(ngrams(text)) for text in questions]
