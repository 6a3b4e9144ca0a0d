"""Texts as numbers: characters by kind, how often each kind occurs, and the text with only some kinds left in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
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
_CHUNK = 20_000


class Alphabet(NamedTuple):
    """The kind of each code point."""

    kinds: np.ndarray


class Corpus(NamedTuple):
    """Texts by length, shortest first. `order` gives the number that each had.

    `lengths` are in code points; `counts[k, i]` is how often kind k occurs in text i, at most 255, and `rows` the same
    by text. `letters[starts[4 * i + c] : starts[4 * i + c + 1]]` is the projection of text i on class c, the kinds from
    `classes[c, 0]` to before `classes[c, 1]`.
    """

    order: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray
    rows: np.ndarray
    letters: np.ndarray
    starts: np.ndarray
    classes: np.ndarray


def alphabet(*corpora: Sequence[str]) -> Alphabet:
    """Kinds by frequency in a sample of the texts."""
    seen = np.zeros(_CODE_POINTS, dtype=np.int64)
    for texts in corpora:
        for codes in _code_points(texts[:: max(1, len(texts) // _SAMPLE)]):
            counts = np.bincount(codes)
            seen[: len(counts)] += counts
    kinds = _HASHED.copy()
    known = np.flatnonzero(seen)
    frequent = known[np.argsort(-seen[known], kind="stable")][:_OWN]
    kinds[frequent] = np.arange(len(frequent))
    return Alphabet(kinds)


def corpus(texts: Sequence[str], letters: Alphabet) -> Corpus:
    """The texts, counted and projected. Memory: about 150 bytes a text, and at most one a character."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    order = np.argsort(lengths, kind="stable")
    lengths = lengths[order]
    rows = np.empty((len(texts), KINDS), dtype=np.uint8)
    starts = np.zeros(len(CLASSES) * len(texts) + 1, dtype=np.int64)
    pieces, done = [], 0
    for codes in _code_points([texts[number] for number in order]):
        size = min(_CHUNK, len(texts) - done)
        kept = np.empty(len(codes), dtype=np.uint8)
        used = _project(
            letters.kinds, codes, lengths[done : done + size], rows[done:], starts[len(CLASSES) * done :], kept
        )
        pieces.append(kept[:used].copy())
        done += size
    np.cumsum(starts, out=starts)
    projected = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.uint8)
    return Corpus(order, lengths, np.ascontiguousarray(rows.T), rows, projected, starts, np.array(CLASSES))


def _code_points(texts: Sequence[str]) -> Iterator[np.ndarray]:
    waiting = iter(texts)
    while chunk := list(islice(waiting, _CHUNK)):
        yield np.frombuffer("".join(chunk).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


_SIZES = len(CLASSES)
_CLASS_OF = np.full(KINDS, len(CLASSES), dtype=np.uint8)
for _number, (_first, _last) in enumerate(CLASSES):
    _CLASS_OF[_first:_last] = _number


@compiled
def _project(kinds, codes, lengths, rows, sizes, kept):  # type: ignore[no-untyped-def]
    """Fill counts, and projections one after the other; sizes[4 * i + c + 1] is the length of each."""
    at, used = 0, 0
    # where the next letter of each class goes
    after = np.empty(_SIZES, dtype=np.int64)
    for i in range(len(lengths)):
        for k in range(KINDS):
            rows[i, k] = 0
        end = at + lengths[i]
        for place in range(at, end):
            kind = kinds[codes[place]]
            rows[i, kind] += rows[i, kind] < _MOST
            if _CLASS_OF[kind] < _SIZES:
                sizes[_SIZES * i + _CLASS_OF[kind] + 1] += 1
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
