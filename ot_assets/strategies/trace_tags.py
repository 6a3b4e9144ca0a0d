"""The marks in which models write reasoning and solution, and a trace taken apart at them.

`<think>hm</think>four` and `<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>four<|end_of_solution|>` are
both the reasoning "hm" and the answer "four". The opening mark of a thought is often part of the chat template, and
then missing from the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# As `ot_resources.generators.reasoning.TAGS`, which strategies may not import; a test holds them together.
THOUGHTS = (("<think>", "</think>"), ("<|begin_of_thought|>", "<|end_of_thought|>"))
SOLUTION = ("<|begin_of_solution|>", "<|end_of_solution|>")

# For Polars and Python alike.
ANY_TAG = "|".join(re.escape(tag) for pair in (*THOUGHTS, SOLUTION) for tag in pair)
OPENED, CLOSED = ("|".join(re.escape(pair[side]) for pair in THOUGHTS) for side in (0, 1))
OPENING = rf"^\s*(?:{OPENED})\s*"


class Trace(NamedTuple):
    """What a model wrote. `reasoning` is None where no thought was closed; `answer` is then the whole text.

    `cut` where a thought or a solution was opened and never closed.
    """

    reasoning: str | None
    answer: str
    cut: bool


def take_apart(text: str) -> Trace:
    """Split a text at the first closed thought, and take its answer out of the solution's marks."""
    for opening, closing in THOUGHTS:
        head, found, tail = text.partition(closing)
        if found:
            solution, cut = _solution(tail)
            return Trace(head.strip().removeprefix(opening).strip(), solution, cut)
    if any(opening in text for opening, _ in THOUGHTS):
        return Trace(None, text.strip(), True)
    solution, cut = _solution(text)
    return Trace(None, solution, cut)


def _solution(text: str) -> tuple[str, bool]:
    """What stands in the solution's marks, all of a text without them, and whether they are left open."""
    _, opened, solution = text.partition(SOLUTION[0])
    if not opened:
        return text.strip(), False
    solution, closed, _ = solution.partition(SOLUTION[1])
    return solution.strip(), not closed
