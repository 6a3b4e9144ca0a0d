"""Every pair of texts whose Indel ratio reaches a threshold: all of them and no other, without comparing every pair.

The Indel distance d of two texts is the least number of characters to delete and insert; their ratio, which is
`rapidfuzz.fuzz.ratio`, is 100 * (1 - d / (l1 + l2)). So a pair reaches the threshold t where d <= D, with
D = (1 - t / 100) * (l1 + l2). A pair is looked at closely only where three lower bounds of d leave it in, each of them
cheaper than the next:

1. Lengths. d >= l2 - l1. The texts are sorted by length, so that the partners of one stand together.
2. Counts. A deletion or insertion changes the count of one character by one, so d >= sum over all characters of the
   difference of their counts. Counting several characters as one kind, or no further than 255, can only make
   differences smaller: the bound stays below d.
3. Projections. Take all characters that are not of a class A out of both texts: an alignment of the texts is, inside A,
   an alignment of what is left. The edits of different classes are different edits, so d >= d(A1) + d(A2) + ... + the
   differences of the counts of all characters in no class. A projection is short, its distance fast.

What is left is decided by rapidfuzz, on the texts themselves. The bounds are integers, D is rounded up by a millionth:
no pair is lost to floating point, and none is found that rapidfuzz does not confirm. Two unrelated English texts of 300
characters differ by about 100 in their counts, where D is 30 at 95 and 150 at 75: at 95 the counts alone leave a few in
ten thousand, at 75 one in seven, of which the projections leave one in seventy. The worst case, texts that are all
anagrams of one another, costs what comparing every pair costs: slower, and as right.

Still quadratic, about a nanosecond a pair; memory about 150 bytes a text and two a character besides the texts.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from ot_assets.similarity.alphabet import KINDS, Corpus, alphabet, corpus
from ot_assets.similarity.bounds import candidates

# Pairs in a piece of work, and the least that a piece has room for.
_PIECE = 20_000_000
_ROOM = 1 << 16


class Pairs(NamedTuple):
    """Texts that match, by number, and their ratio (0 to 100)."""

    left: np.ndarray
    right: np.ndarray
    score: np.ndarray


@dataclass
class Work:
    """What a join came to: pairs of like length, those left by the counts, those compared in full, those found; and
    seconds by step, summed over the threads."""

    pairs: int = 0
    counted: int = 0
    compared: int = 0
    found: int = 0
    preparing: float = 0.0
    bounding: float = 0.0
    comparing: float = 0.0


def pairs_within(
    texts: Sequence[str], threshold: float, *, workers: int | None = None, work: Work | None = None
) -> Iterator[Pairs]:
    """Each pair of `texts` with `rapidfuzz.fuzz.ratio` of at least `threshold` (0 to 100), once: left < right.

    In no particular order. `workers` are threads, by default one a core.
    """
    work = Work() if work is None else work
    with _timed(work, "preparing"):
        all_texts = corpus(texts, alphabet(texts))
        high = np.searchsorted(all_texts.lengths, _longest(all_texts.lengths, threshold), side="right")
    low = np.arange(1, len(texts) + 1)
    for pairs in _join(all_texts, all_texts, texts, texts, low, np.maximum(low, high), threshold, workers, work):
        yield Pairs(np.minimum(pairs.left, pairs.right), np.maximum(pairs.left, pairs.right), pairs.score)


def pairs_between(
    texts: Sequence[str],
    items: Sequence[str],
    threshold: float,
    *,
    workers: int | None = None,
    work: Work | None = None,
) -> Iterator[Pairs]:
    """Each pair of a text (left) and an item (right) with `rapidfuzz.fuzz.ratio` of at least `threshold` (0 to 100)."""
    work = Work() if work is None else work
    with _timed(work, "preparing"):
        letters = alphabet(texts, items)
        of_texts, of_items = corpus(texts, letters), corpus(items, letters)
        low = np.searchsorted(of_texts.lengths, _shortest(of_items.lengths, threshold), side="left")
        high = np.searchsorted(of_texts.lengths, _longest(of_items.lengths, threshold), side="right")
    for pairs in _join(of_items, of_texts, items, texts, low, np.maximum(low, high), threshold, workers, work):
        yield Pairs(pairs.right, pairs.left, pairs.score)


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


def _longest(lengths: np.ndarray, threshold: float) -> np.ndarray:
    """The most characters that a partner may have: l2 - l1 <= (1 - t/100) * (l1 + l2)."""
    return lengths * (200.0 - threshold) / max(threshold, 1e-9) + 1e-6


def _shortest(lengths: np.ndarray, threshold: float) -> np.ndarray:
    return lengths * threshold / (200.0 - threshold) - 1e-6


def _join(
    left: Corpus,
    right: Corpus,
    left_texts: Sequence[str],
    right_texts: Sequence[str],
    low: np.ndarray,
    high: np.ndarray,
    threshold: float,
    workers: int | None,
    work: Work,
) -> Iterator[Pairs]:
    """The pairs (i of left, j of right in [low[i], high[i])) that reach the threshold, piece by piece."""
    work.pairs += int((high - low).sum())
    look = partial(_look, left, right, left_texts, right_texts, low, high, threshold, work)
    workers = workers or len(os.sched_getaffinity(0))
    waiting: deque[Future[list[Pairs]]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        try:
            for rows in _pieces(high - low):
                waiting.append(threads.submit(look, rows))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for piece in waiting:
                piece.cancel()


def _pieces(widths: np.ndarray) -> Iterator[range]:
    """Rows in a row, about `_PIECE` pairs together."""
    ends = np.cumsum(widths)
    start = 0
    while start < len(widths):
        done = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + _PIECE, side="right")))
        yield range(start, end)
        start = end


def _look(
    left: Corpus,
    right: Corpus,
    left_texts: Sequence[str],
    right_texts: Sequence[str],
    low: np.ndarray,
    high: np.ndarray,
    threshold: float,
    work: Work,
    rows: range,
) -> list[Pairs]:
    room = max(_ROOM, int((high[rows.start : rows.stop] - low[rows.start : rows.stop]).max()))
    one, other = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    row, share, found = rows.start, 1.0 - threshold / 100.0, []
    while row < rows.stop:
        with _timed(work, "bounding"):
            row, size, counted = candidates(
                left, right, row, rows.stop, low, high, share, _kinds(threshold), one, other
            )
        with _timed(work, "comparing"):
            found.append(
                _compare(left.order[one[:size]], right.order[other[:size]], left_texts, right_texts, threshold)
            )
        work.counted += counted
        work.compared += size
        work.found += len(found[-1].score)
    return found


def _kinds(threshold: float) -> int:
    """How many kinds the first look counts: with more edits allowed, few say little."""
    return 12 if threshold >= 93 else 24 if threshold >= 88 else 48 if threshold >= 80 else KINDS


def _compare(
    one: np.ndarray, other: np.ndarray, left_texts: Sequence[str], right_texts: Sequence[str], threshold: float
) -> Pairs:
    scores = process.cpdist(
        [left_texts[number] for number in one.tolist()],
        [right_texts[number] for number in other.tolist()],
        scorer=fuzz.ratio,
        score_cutoff=threshold,
        dtype=np.float64,
        workers=1,
    )
    reached = scores >= threshold
    return Pairs(one[reached], other[reached], scores[reached])


class _timed:
    """Adds the seconds that a block took to a step of the work."""

    def __init__(self, work: Work, step: str) -> None:
        self.work, self.step = work, step

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        setattr(self.work, self.step, getattr(self.work, self.step) + time.perf_counter() - self.started)
