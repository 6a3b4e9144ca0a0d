"""The plainest tokenizer: words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Words:
    """Cuts at white space, in lower case."""

    name: str = "words"

    def tokens(self, text: str) -> Sequence[str]:
        return text.lower().split()

    def span(self, text: str, first: int, n: int) -> tuple[int, int]:
        # of the text as it is: in lower case it may be longer, its white space stays where it was
        run = [match.span() for match in islice(_WORD.finditer(text), first, first + n)]
        return run[0][0], run[-1][1]

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """A word's number is a hash of its bytes."""
        import numpy as np

        from ot_assets.similarity.hashing import word_hashes

        if not texts:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        # no word holds white space, so that a space is between two words and a new line between two texts
        joined = "\n".join(" ".join(text.lower().split()) for text in texts)
        return word_hashes(np.frombuffer(joined.encode("utf-8", "surrogatepass"), np.uint8), len(texts))
