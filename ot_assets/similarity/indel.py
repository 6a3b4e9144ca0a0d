"""Every pair of texts whose Indel ratio reaches a threshold: all of them and no other, without comparing every pair.

The Indel distance d of two texts is the least number of characters to delete and insert; their ratio, which is
`rapidfuzz.fuzz.ratio`, is 100 * (1 - d / (l1 + l2)). So a pair reaches the threshold t where d <= D, with
D = (1 - t / 100) * (l1 + l2). A pair is looked at closely only where three lower bounds of d leave it in, each of them
cheaper than the next:

1. Lengths. d >= l2 - l1. The texts are sorted by length, so that the partners of one stand together.
2. Counts. A deletion or insertion changes the count of one character by one, so d >= sum over all characters of the
   difference of their counts. Counting several characters as one kind, or no further than 255, can only make
   differences smaller: the bound stays below d. Of two long texts the whole counts are looked at as well.
3. Projections. Take all characters that are not of a class A out of both texts: an alignment of the texts is, inside A,
   an alignment of what is left. The edits of different classes are different edits, so d >= d(A1) + d(A2) + ... + the
   differences of the counts of all characters in no class. A projection is short, its distance fast.

What is left is decided by rapidfuzz, on the texts themselves. The bounds are integers, D is rounded up by a millionth:
no pair is lost to floating point, and none is found that rapidfuzz does not confirm. It is asked for a little less than
the threshold: of some pairs that are right at a `score_cutoff` it says 0. Two unrelated English texts of 300
characters differ by about 100 in their counts, where D is 30 at 95 and 150 at 75: at 95 the counts alone leave a few in
ten thousand, at 75 one in seven, of which the projections leave one in seventy. The worst case, texts that are all
anagrams of one another, or all of one template, costs what comparing every pair costs, a microsecond or two: slower,
and as right. So it is with texts of 20,000 characters and more that have the same letters as often: one pair of 50,000
takes 20 ms at 95, of a million seconds.

Still quadratic, one or two nanoseconds a pair at 95. Memory: about 200 bytes a text, at most one a character, eight or
so a character of the longest text, and the texts.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from threading import Event

import numpy as np
from rapidfuzz import fuzz, process

from ot_assets.similarity.alphabet import KINDS, Corpus, alphabet, corpus, pieces
from ot_assets.similarity.bounds import candidates
from ot_assets.similarity.pairs import Pairs

# Pairs in a piece of work, and the least that a piece has room for; of texts longer than this a piece has fewer.
_PIECE = 4_000_000
_ROOM = 1 << 16
_USUAL = 1_000
# What rapidfuzz does between two looks at whether to stop: steps of 64 columns, some 0.2 s, and those of any pair.
_STEPS, _STEPS_A_PAIR = 400_000_000, 500
# How far below the threshold rapidfuzz is told to give up.
_BELOW = 1e-3
# More seconds than this, and than the bounds took, spent on comparing: texts that are long, or much the same.
_SLOW = 10.0
# So many matches, and so many a text: texts made of one template.
_MANY, _CROWD = 1_000_000, 100
_LIVE_SECONDS = 1.0

log = logging.getLogger("ot.stage")
# The line that is overtaken by the next: a terminal shows the last one only.
live = logging.getLogger("ot.progress")


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

    def add(self, other: Work) -> None:
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))


def pairs_within(
    texts: Sequence[str], threshold: float, *, workers: int | None = None, work: Work | None = None
) -> Iterator[Pairs]:
    """Each pair of `texts` with `rapidfuzz.fuzz.ratio` of at least `threshold` (0 to 100), once: left < right.

    In no particular order. `workers` are threads, by default one a core; `work` is filled in as the pairs come.
    """
    work = Work() if work is None else work
    started = time.perf_counter()
    counted = corpus(texts, alphabet(texts))
    low = np.arange(1, len(texts) + 1)
    high = np.searchsorted(counted.lengths, _longest(counted.lengths, threshold), side="right")
    join = _Join(counted, counted, texts, texts, low, np.maximum(low, high), threshold)
    work.preparing += time.perf_counter() - started
    for pairs in _run(join, workers, work):
        yield Pairs(np.minimum(pairs.left, pairs.right), np.maximum(pairs.left, pairs.right), pairs.score)


def pairs_between(
    texts: Sequence[str],
    items: Sequence[str],
    threshold: float,
    *,
    workers: int | None = None,
    work: Work | None = None,
) -> Iterator[Pairs]:
    """Each pair of a text (left) and an item (right) with `rapidfuzz.fuzz.ratio` of at least `threshold` (0 to 100).

    As `pairs_within`. An item costs a little by itself: many texts at once are better than few.
    """
    work = Work() if work is None else work
    started = time.perf_counter()
    letters = alphabet(texts, items)
    counted, asked = corpus(texts, letters), corpus(items, letters)
    low = np.searchsorted(counted.lengths, _shortest(asked.lengths, threshold), side="left")
    high = np.searchsorted(counted.lengths, _longest(asked.lengths, threshold), side="right")
    join = _Join(asked, counted, items, texts, low, np.maximum(low, high), threshold)
    work.preparing += time.perf_counter() - started
    for pairs in _run(join, workers, work):
        yield Pairs(pairs.right, pairs.left, pairs.score)


def _longest(lengths: np.ndarray, threshold: float) -> np.ndarray:
    """The most characters that a partner may have: l2 - l1 <= (1 - t/100) * (l1 + l2)."""
    return lengths * (200.0 - threshold) / max(threshold, 1e-9) + 1e-6


def _shortest(lengths: np.ndarray, threshold: float) -> np.ndarray:
    return lengths * threshold / (200.0 - threshold) - 1e-6


@dataclass(frozen=True)
class _Join:
    """Two corpora with their texts; text i of `left` is looked at with [low[i], high[i]) of `right`."""

    left: Corpus
    right: Corpus
    left_texts: Sequence[str]
    right_texts: Sequence[str]
    low: np.ndarray
    high: np.ndarray
    threshold: float
    stopped: Event = field(default_factory=Event)

    def pieces(self) -> Iterator[slice]:
        """Rows of `left`, about `_PIECE` pairs together, or fewer long ones."""
        return pieces((self.high - self.low) * np.maximum(1.0, self.left.lengths / _USUAL) ** 2, _PIECE)


def _run(join: _Join, workers: int | None, work: Work) -> Iterator[Pairs]:
    """The pairs that reach the threshold, piece by piece, several pieces at a time."""
    total, workers = int((join.high - join.low).sum()), workers or _cores()
    started = shown = time.monotonic()
    waiting: deque[Future[tuple[list[Pairs], Work]]] = deque()
    waits = join.pieces()
    with ThreadPoolExecutor(workers) as threads:
        try:
            while True:
                while len(waiting) <= workers + 1 and (rows := next(waits, None)) is not None:
                    waiting.append(threads.submit(_look, join, rows))
                if not waiting:
                    break
                found, done = waiting.popleft().result()
                work.add(done)
                if (now := time.monotonic()) - shown > _LIVE_SECONDS:
                    shown, left = now, (total - work.pairs) * (now - started) / max(work.pairs, 1)
                    live.info("%s of %s pairs of texts, %.0f s to go", f"{work.pairs:,}", f"{total:,}", max(left, 0))
                yield from found
        finally:
            join.stopped.set()
            for piece in waiting:
                piece.cancel()
    if work.found > max(_MANY, _CROWD * len(join.right_texts)):
        told = f"{work.found:,} pairs of {len(join.right_texts):,} texts match, as those of one template do"
        log.info("slower than usual: %s", told)
    elif work.comparing > max(_SLOW, work.bounding):
        told = f"{work.compared:,} pairs have nearly the same letters and were compared in full, {work.found:,} match"
        log.info("slower than usual: %s, which took %.0f s of a processor", told, work.comparing)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _look(join: _Join, rows: slice) -> tuple[list[Pairs], Work]:
    """The pairs of some rows of `left`, and what finding them took."""
    widths = join.high[rows] - join.low[rows]
    room = max(_ROOM, int(widths.max()))
    one, other = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    share, kinds = 1.0 - join.threshold / 100.0, _kinds(join.threshold)
    row, found, work = rows.start, [], Work(pairs=int(widths.sum()))
    while row < rows.stop and not join.stopped.is_set():
        started = time.perf_counter()
        row, size, counted = candidates(
            join.left, join.right, row, rows.stop, join.low, join.high, share, kinds, one, other
        )
        bounded = time.perf_counter()
        pairs = list(_compare(join, one[:size], other[:size]))
        reached = sum(len(part.score) for part in pairs)
        work.add(Work(0, counted, size, reached, 0.0, bounded - started, time.perf_counter() - bounded))
        found += pairs
    return found, work


def _kinds(threshold: float) -> int:
    """How many kinds the first look counts: with more edits allowed, few say little."""
    return 12 if threshold >= 93 else 24 if threshold >= 88 else 48 if threshold >= 80 else KINDS


def _compare(join: _Join, one: np.ndarray, other: np.ndarray) -> Iterator[Pairs]:
    """Those of the pairs that reach the threshold, by rapidfuzz on the texts themselves; until the join is stopped."""
    steps = _STEPS_A_PAIR + join.left.lengths[one] * join.right.lengths[other] // 64
    for part in pieces(steps, _STEPS):
        if join.stopped.is_set():
            break
        left, right = join.left.order[one[part]], join.right.order[other[part]]
        scores = process.cpdist(
            [join.left_texts[number] for number in left.tolist()],
            [join.right_texts[number] for number in right.tolist()],
            scorer=fuzz.ratio,
            score_cutoff=join.threshold - _BELOW,
            dtype=np.float64,
            workers=1,
        )
        reached = scores >= join.threshold
        yield Pairs(left[reached], right[reached], scores[reached])
