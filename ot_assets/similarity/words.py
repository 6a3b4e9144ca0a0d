"""The plainest tokenizer: words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Words:
    """Cuts at white space, in lower case."""

    name: str = "words"

    def tokens(self, text: str) -> Sequence[str]:
        return text.lower().split()

    def span(self, text: str, first: int, n: int) -> tuple[int, int]:
        # of the text as it is: in lower case it may be longer, its white space stays where it was
        rest = text.split(None, first)[first]
        behind = rest.split(None, n)[n:]
        run = (rest.removesuffix(behind[0]) if behind else rest).rstrip()
        start = len(text) - len(rest)
        return start, start + len(run)

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """A word's number is a hash of its bytes."""
        import numpy as np

        from ot_assets.similarity.hashing import word_hashes

        data = [_plain(text) for text in texts]
        ends = np.cumsum([len(row) for row in data], dtype=np.int64)
        return word_hashes(np.frombuffer(b"".join(data), np.uint8), ends)


def _plain(text: str) -> bytes:
    """Bytes in which only letters of ASCII may still be capitals, and only white space of ASCII parts words."""
    if not text.isascii():
        text = " ".join(text.lower().split())
    return text.encode("utf-8", "surrogatepass")
