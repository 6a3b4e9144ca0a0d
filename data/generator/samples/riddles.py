"""RiddleSense: a riddle and five answers to choose from; the reference is the letter of one.

    {"answerKey": "D", "question": "Name the letter 3 steps after A.",
     "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["fox", "moon", "tree", "lake", "star"]}}

Most ask for the letter itself, which the teacher does now and then; it hardly ever picks an option by its value.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from data.generator import dirt
from data.generator.dirt import Row, as_row
from data.generator.families import draw as draw_problem
from data.generator.families.code import THINGS
from data.generator.families.puzzle import DAYS
from data.generator.families.science import OPTION_LETTERS
from data.generator.problem import boxed
from data.generator.samples.drawing import Draw, StandIn, shuffled, told
from data.generator.wording import ITEMS

VALUES = ("queue", "clock", "coins", "calendar")


def _chosen(row: Row, options: Sequence[str], letter: str) -> Row:
    """The riddle with its options below, as the catalogue puts them there."""
    lines = "\n".join(f"{label}: {text}" for label, text in zip(OPTION_LETTERS, options, strict=True))
    chosen = told(row, stem=row.question, options=list(options))
    return replace(chosen, question=f"{row.question}\n\n{lines}", reference=letter, solution=boxed([], letter))


def _lettered(rng: Random) -> Row:
    """A letter from A to E, some steps from another of them; the options are things in a row."""
    while True:
        problem = draw_problem(rng, "puzzle", "letters")
        if problem.reference in OPTION_LETTERS:
            return _chosen(as_row(problem), rng.sample((*THINGS, *ITEMS), len(OPTION_LETTERS)), problem.reference)


def _valued(rng: Random) -> Row:
    """A puzzle with its value among four others."""
    row = as_row(draw_problem(rng, "puzzle", rng.choice(VALUES)))
    near = [day for day in DAYS if day != row.reference]
    if row.reference.isdigit():
        value = int(row.reference)
        near = [str(v) for v in sorted({value + d for d in (-7, -3, -2, -1, 1, 2, 5, 10)}) if v > 0]
    options, place = rng.sample(near, len(OPTION_LETTERS) - 1), rng.randrange(len(OPTION_LETTERS))
    options.insert(place, row.reference)
    return _chosen(row, options, OPTION_LETTERS[place])


def _rows(draw: Draw) -> list[Row]:
    rng = draw.rng
    base = [_lettered(rng) for _ in range(46)] + [_valued(rng) for _ in range(14)]
    unanswered = [replace(_lettered(rng), reference="", kind="no_answer") for _ in range(3)]
    rows = [*base, *dirt.exact_duplicates(rng, base, 6), *unanswered]
    return shuffled(rng, rows)


def _record(row: Row) -> dict[str, Any]:
    choices = {"label": list(OPTION_LETTERS), "text": row.more["options"]}
    return {"answerKey": row.reference, "question": row.more["stem"], "choices": choices}


STAND_INS = {"INK-USC/riddle_sense": StandIn("puzzle", ("letters",), _rows, _record)}
