"""A problem with a letter in the place of one of its numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

from ot_assets.strategies.answer_text import last_boxed

SHORT = 80
_LETTERS = "xyzwkmn"
# By itself: no part of a word, a formula's name, a power, a fraction, a date or a longer number.
_NUMBER = re.compile(r"(?<![\w.,^_\\/:{-])\d{1,15}(?:,\d{3})*(?:\.\d+)?(?![\w^_/:}-]|[.,]\d)")


class Masked(NamedTuple):
    """`question` has the letter `unknown` where it had `number`."""

    question: str
    unknown: str
    number: str


def mask(question: str, draw: int) -> Masked | None:
    """Replace one number, chosen by `draw`, by a letter that the question does not use; None if there is none."""
    numbers = list(_NUMBER.finditer(question))
    free = [letter for letter in _LETTERS if not has_unknown(question, letter)]
    if not numbers or not free:
        return None
    chosen = numbers[(draw >> 16) % len(numbers)]
    text = question[: chosen.start()] + free[0] + question[chosen.end() :]
    return Masked(text, free[0], chosen[0].replace(",", ""))


def has_unknown(text: str, letter: str) -> bool:
    """Whether the letter stands in the text by itself, in small or large (`3x` and `x^2` count, `box` does not)."""
    return re.search(rf"(?<![^\W\d_]){letter}(?![^\W\d_])", text, re.IGNORECASE) is not None


def final_answer(reference: str | None) -> str | None:
    """The last box of a reference, or the reference where it is one short line; None where it is neither."""
    text = (reference or "").strip()
    boxed = last_boxed(text)
    answer = (text if boxed is None else boxed).strip()
    return answer if answer and len(answer) <= SHORT and "\n" not in answer else None
