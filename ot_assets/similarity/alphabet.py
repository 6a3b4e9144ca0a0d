"""Texts as numbers: characters by kind, how often each kind occurs, and the text with only some kinds left in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ot_assets.similarity.compiled import compiled

# Kinds of characters: the most frequent ones have a kind each, the others share what is left.
KINDS = 64
_OWN = 56
_SHARED = KINDS - _OWN
# Kinds by rank of frequency, [first, last): a text's projection on a class is the text without all other characters.
# The middle ranks tell most for their length; the blank and the commonest letter tell least.
CLASSES = ((14, 24), (8, 14), (4, 8), (1, 4))
_MOST = 255
_CODE_POINTS = 0x110000
_HASHED = (_OWN + np.arange(_CODE_POINTS) % _SHARED).astype(np.uint8)
_SAMPLE = 20_000
# Characters that are read at once, where the texts are shorter.
_CHUNK = 4_000_000
# Of texts from here on the counts beyond `_MOST` are kept as well.
_LONG = 20_000


class Alphabet(NamedTuple):
    """The kind of each code point."""

    kinds: np.ndarray


class Corpus(NamedTuple):
    """Texts by length, shortest first. `order` gives the number that each had.

    `lengths` are in code points; `counts[k, i]` is how often kind k occurs in text i, at most 255, and `rows` the same
    by text. `full` has the whole counts of the last texts, those of 20,000 characters and more.
    `letters[starts[4 * i + c] : starts[4 * i + c + 1]]` is the projection of text i on class c, the kinds from
    `classes[c, 0]` to before `classes[c, 1]`.
    """

    order: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    full: np.ndarray
    letters: np.ndarray
    starts: np.ndarray
    classes: np.ndarray


def alphabet(*corpora: Sequence[str]) -> Alphabet:
    """Kinds by frequency in a sample of the texts."""
    seen = np.zeros(_CODE_POINTS, dtype=np.int64)
    for texts in corpora:
        for _, codes in _code_points([text[:_CHUNK] for text in texts[:: max(1, len(texts) // _SAMPLE)]]):
            counts = np.bincount(codes)
            seen[: len(counts)] += counts
    kinds = _HASHED.copy()
    known = np.flatnonzero(seen)
    frequent = known[np.argsort(-seen[known], kind="stable")][:_OWN]
    kinds[frequent] = np.arange(len(frequent))
    return Alphabet(kinds)


def corpus(texts: Sequence[str], letters: Alphabet) -> Corpus:
    """The texts, counted and projected.

    Memory: about 200 bytes a text, 256 more for a long one, and at most one a character; while they are read, eight or
    so a character of four million, or of the longest text.
    """
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    order = np.argsort(lengths, kind="stable")
    lengths = lengths[order]
    rows = np.empty((len(texts), KINDS), dtype=np.uint8)
    full = np.empty((np.count_nonzero(lengths >= _LONG), KINDS), dtype=np.int32)
    starts = np.zeros(len(CLASSES) * len(texts) + 1, dtype=np.int64)
    # no memory is taken where nothing is written
    projected, used = np.empty(lengths.sum(), dtype=np.uint8), 0
    for part, codes in _code_points([texts[number] for number in order]):
        first_long = len(texts) - len(full) - part.start
        sizes, room = starts[len(CLASSES) * part.start :], projected[used:]
        used += _project(letters.kinds, codes, lengths[part], rows[part], full, first_long, sizes, room)
    np.cumsum(starts, out=starts)
    return Corpus(order, lengths, np.ascontiguousarray(rows.T), rows, full, projected[:used], starts, np.array(CLASSES))


def _code_points(texts: Sequence[str]) -> Iterator[tuple[slice, np.ndarray]]:
    """Some of the texts at a time, and their characters one after the other."""
    for part in pieces(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)), _CHUNK):
        yield part, np.frombuffer("".join(texts[part]).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def pieces(weights: np.ndarray, most: float) -> Iterator[slice]:
    """Slices that follow one another, each as long as its weights come to `most` together; a heavier one is alone."""
    ends = np.cumsum(weights)
    start = 0
    while start < len(ends):
        done = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + most, side="right")))
        yield slice(start, end)
        start = end


_SIZES = len(CLASSES)
_CLASS_OF = np.full(KINDS, len(CLASSES), dtype=np.uint8)
for _number, (_first, _last) in enumerate(CLASSES):
    _CLASS_OF[_first:_last] = _number


@compiled
def _project(kinds, codes, lengths, rows, full, first_long, sizes, kept):  # type: ignore[no-untyped-def]
    """Fill counts, and projections one after the other; sizes[4 * i + c + 1] is the length of each.

    Text i has its whole counts in full[i - first_long], from `first_long` on. Returns how many letters were kept.
    """
    at, used = 0, 0
    counts = np.empty(KINDS, dtype=np.int32)
    # where the next letter of each class goes
    after = np.empty(_SIZES, dtype=np.int64)
    for i in range(len(lengths)):
        counts[:] = 0
        end = at + lengths[i]
        for place in range(at, end):
            kind = kinds[codes[place]]
            counts[kind] += 1
            if _CLASS_OF[kind] < _SIZES:
                sizes[_SIZES * i + _CLASS_OF[kind] + 1] += 1
        for k in range(KINDS):
            rows[i, k] = min(counts[k], _MOST)
        if i >= first_long:
            full[i - first_long] = counts
        for which in range(_SIZES):
            after[which] = used
            used += sizes[_SIZES * i + which + 1]
        for place in range(at, end):
            kind = kinds[codes[place]]
            which = _CLASS_OF[kind]
            if which < _SIZES:
                kept[after[which]] = kind
                after[which] += 1
        at = end
    return used
