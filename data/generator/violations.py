"""Questions that the published text rules drop, one rule a row.

The rules of OpenThoughts-114k (open_thoughts/math/filter.py and code/filters.py of open-thoughts/open-thoughts): no
figure words, no questions in parts, no proofs, a boxed answer; programs with 200 characters of statement, without links
and pictures, with tests and a solution. OpenThoughts2 drops prompts that say "show ", "prove " or "proof".
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from data.generator.dirt import Row

FIGURE_WORDS = (
    "See the figure below.",
    "The diagram shows it.",
    "(photo.jpeg)",
    "![](page_3.png)",
    "It is drawn in board.jpg.",
    "<svg>...</svg>",
    "Answer: ____",
    "The Figure is not to scale.",
)
MIN_CHARACTERS = 200


def figure_words(rows: Sequence[Row]) -> list[Row]:
    """A word of the list in each, the words in turn."""
    words = [FIGURE_WORDS[i % len(FIGURE_WORDS)] for i in range(len(rows))]
    return [
        replace(r, question=f"{r.question} {word}", kind="figure_word") for r, word in zip(rows, words, strict=True)
    ]


def in_parts(rows: Sequence[Row]) -> list[Row]:
    """Two questions in one; the solution is that of the first."""
    return [
        replace(a, question=f"a) {a.question} b) {b.question}", kind="multi_part")
        for a, b in zip(rows[::2], rows[1::2], strict=True)
    ]


def proofs(rows: Sequence[Row]) -> list[Row]:
    """What there is to prove, as NuminaMath marks it: the box is empty."""
    wordings = (
        "Prove that {} is the right answer. {}",
        "Show that the answer is {}. {}",
        "Find a proof that {} answers this: {}",
    )
    return [
        replace(
            r,
            question=wordings[i % len(wordings)].format(r.reference, r.question),
            solution=r.solution.replace(f"\\boxed{{{r.reference}}}", "\\boxed{}"),
            kind="proof",
        )
        for i, r in enumerate(rows)
    ]


def unboxed(rows: Sequence[Row]) -> list[Row]:
    """Solutions that end in the bare answer."""
    return [
        replace(r, solution=r.solution.replace(f"\\boxed{{{r.reference}}}", r.reference), kind="no_box") for r in rows
    ]


def unsolved(rows: Sequence[Row]) -> list[Row]:
    return [replace(r, solution="", kind="no_solution") for r in rows]


def untested(rows: Sequence[Row]) -> list[Row]:
    return [replace(r, tests=None, kind="no_tests") for r in rows]


def short(rows: Sequence[Row]) -> list[Row]:
    """Rows that were drawn without a story are below the limit as they are."""
    assert all(len(r.question) < MIN_CHARACTERS for r in rows)
    return [replace(r, kind="short") for r in rows]


def linked(rng: Random, rows: Sequence[Row]) -> list[Row]:
    return [
        replace(r, question=f"{r.question} (From http://example.org/task/{rng.randint(100, 999)}.)", kind="link")
        for r in rows
    ]


def pictured(rows: Sequence[Row]) -> list[Row]:
    return [replace(r, question=f"[image] {r.question}", kind="image") for r in rows]
