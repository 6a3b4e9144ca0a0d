"""Runs of n tokens that two texts share, and the plainest tokenizer: words."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from ot_resources.interfaces import Tokenizer


@dataclass(frozen=True)
class Words:
    """Cuts at white space, in lower case."""

    name: str = "words"

    def tokens(self, text: str) -> Sequence[str]:
        return text.lower().split()


@dataclass
class NgramIndex:
    """The n-grams of many texts, each with the number of the first text that has it.

    Tokens are numbered as they come and an n-gram is the bytes of its n numbers: exact, and an eighth of the memory
    of tuples (the 862,210 distinct 13-grams of 15,658 benchmark questions take about 0.1 GB).
    """

    tokenizer: Tokenizer
    n: int
    _numbers: dict[Hashable, int] = field(default_factory=dict)
    _grams: dict[bytes, int] = field(default_factory=dict)

    def add(self, text: str, number: int) -> None:
        """Take in the n-grams of text number `number`; a text of fewer than n tokens has none."""
        numbers = self._numbers
        tokens = array("I", [numbers.setdefault(token, len(numbers) + 1) for token in self.tokenizer.tokens(text)])
        for gram in self._cut(tokens):
            self._grams.setdefault(gram, number)

    def first_shared(self, text: str) -> tuple[int, str] | None:
        """The number of the text that shares the first n-gram of `text` that any has, and the n-gram's tokens."""
        if not self._grams:
            return None
        tokens = list(self.tokenizer.tokens(text))
        # 0 stands for a token that no indexed text has, so that no n-gram holds it
        known = array("I", [self._numbers.get(token, 0) for token in tokens])
        for start, gram in enumerate(self._cut(known)):
            number = self._grams.get(gram)
            if number is not None:
                return number, " ".join(str(token) for token in tokens[start : start + self.n])
        return None

    def _cut(self, tokens: array[int]) -> list[bytes]:
        data, size = tokens.tobytes(), tokens.itemsize
        width = self.n * size
        return [data[start : start + width] for start in range(0, len(data) - width + 1, size)]
