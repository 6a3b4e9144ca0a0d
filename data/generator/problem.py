"""One generated problem, and the split that keeps evaluation questions out of training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

HELD_OUT_BUCKETS = 20


@dataclass(frozen=True)
class Problem:
    """A question with its gold answer and a worked solution.

    `reference` is the text inside the box (for code: the program). `tests` is one of the JSON shapes of the
    `tests` column, as a dict, and None outside code. `solution` is what the teacher is trained to write.
    """

    domain: str
    family: str
    question: str
    reference: str
    tests: dict | None
    solution: str


def boxed(steps: Sequence[str], answer: object) -> str:
    """The worked solution: one step per line in the think block, then the boxed answer."""
    return "<think>\n" + "\n".join(steps) + f"\n</think>\n\nThe answer is \\boxed{{{answer}}}."


def is_held_out(question: str) -> bool:
    """About 5% of the question space, chosen by text alone so that every script agrees on it."""
    return int(hashlib.md5(question.encode()).hexdigest(), 16) % HELD_OUT_BUCKETS == 0
