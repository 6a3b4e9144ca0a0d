"""Runs of n tokens that a text shares with an item of a list: every text that shares one is found, and no other.

A token has a number, a run of n tokens has a hash of its n numbers (`hashing`). Equal tokens have equal numbers and
equal runs equal hashes, so a text can share a run with an item only where one of its hashes is among theirs. The
converse does not hold, and is not relied on: for each such place, from the first one on, the tokens themselves are
compared with those of every item that has the hash, and where none agrees the search goes on behind it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from ot_assets.similarity.hashing import first_known, run_hashes, sieve_of
from ot_resources.interfaces import PlacedTokenizer, Tokenizer


class Tokens(NamedTuple):
    """The tokens of many texts, one text after the other."""

    numbers: np.ndarray
    """UInt64, equal for equal tokens; different ones may, rarely, share a number."""
    ends: np.ndarray
    """Int64, where each text's tokens end."""

    @property
    def starts(self) -> np.ndarray:
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64)

    @property
    def counts(self) -> np.ndarray:
        return np.diff(self.ends, prepend=0)


class Run(NamedTuple):
    """A run of tokens of a text that an item has too: the item's number, and the number of the run's first token."""

    item: int
    first: int


def tokenised(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokens:
    """The tokens of the texts; by Python's own `hash` where the tokenizer does not number them itself."""
    if isinstance(tokenizer, PlacedTokenizer):
        return Tokens(*tokenizer.numbers(texts))
    hashes = [[hash(token) for token in tokenizer.tokens(text)] for text in texts]
    flat = np.array([value for row in hashes for value in row], dtype=np.int64)
    return Tokens(flat.view(np.uint64), np.cumsum([len(row) for row in hashes], dtype=np.int64))


class Ngrams:
    """The runs of n tokens of items (`numbers` of the list; all of it by default), ready to be looked up.

    24 bytes a run: 1,020,000 of 13 words in 15,658 benchmark questions.
    """

    def __init__(
        self, tokenizer: Tokenizer, n: int, items: Sequence[str], tokens: Tokens, numbers: np.ndarray | None = None
    ) -> None:
        self.n, self._tokenizer, self._items = n, tokenizer, items
        self._cut: dict[int, Sequence[Hashable]] = {}
        self._starts, self._ends = tokens.starts, tokens.ends
        chosen = np.arange(len(items)) if numbers is None else numbers
        hashes, places = run_hashes(tokens.numbers, self._starts[chosen], self._ends[chosen], n)
        # of equal hashes the first item comes first
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._places = hashes[order], places[order]
        self._sieve = sieve_of(self._hashes)

    def first_shared(self, texts: Sequence[str], tokens: Tokens, rows: np.ndarray) -> dict[int, Run]:
        """For those `rows` of `texts` that share a run with an item: the first run, and the first item that has it."""
        shared: dict[int, Run] = {}
        begins = tokens.starts[rows]
        while len(rows) and len(self._hashes):
            places = first_known(tokens.numbers, begins, tokens.ends[rows], self.n, self._hashes, self._sieve)
            hit = places >= 0
            rows, places = rows[hit], places[hit]
            firsts = places - tokens.starts[rows]
            hashes, _ = run_hashes(tokens.numbers, places, places + self.n, self.n)
            ranges = (np.searchsorted(self._hashes, hashes, side) for side in ("left", "right"))
            for row, first, low, high in zip(
                rows.tolist(), firsts.tolist(), *map(np.ndarray.tolist, ranges), strict=True
            ):
                run = self._tokenizer.tokens(texts[row])[first : first + self.n]
                item = self._item_with(run, self._places[low:high])
                if item is not None:
                    shared[row] = Run(item, first)
            wrong = np.array([row not in shared for row in rows.tolist()], dtype=bool)
            rows, begins = rows[wrong], places[wrong] + 1
        return shared

    def _item_with(self, run: Sequence[Hashable], places: np.ndarray) -> int | None:
        """The first item that has these tokens at one of the places."""
        for place in places.tolist():
            item = int(np.searchsorted(self._ends, place, side="right"))
            if item not in self._cut:
                self._cut[item] = self._tokenizer.tokens(self._items[item])
            first = place - int(self._starts[item])
            if self._cut[item][first : first + self.n] == run:
                return item
        return None
