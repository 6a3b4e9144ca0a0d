"""Where a text and its twin say the same."""

from __future__ import annotations

from rapidfuzz.distance import Indel

# An alignment of longer texts takes seconds; what is alike shows in their beginnings.
_LONGEST = 20_000


def longest_run(text: str, other: str) -> tuple[int, int]:
    """The span [start, end) in `text` of the longest run of characters that the Indel alignment with `other` keeps.

    (0, 0) where it keeps none.
    """
    blocks = Indel.opcodes(text[:_LONGEST], other[:_LONGEST])
    equal = [(op.src_end - op.src_start, -op.src_start) for op in blocks if op.tag == "equal"]
    length, start = max(equal, default=(0, 0))
    return -start, -start + length
