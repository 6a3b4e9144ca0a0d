"""Answers that are the letter of an option."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from ot_assets.strategies.answer_text import last_boxed
from ot_assets.strategies.registry import strategy
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict, judged

LETTERS = "ABCDEFGHIJ"

_WRAPPER = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textrm|operatorname|boxed)\s*\{([^{}]*)\}")
# A letter alone, or followed by the option's text: "B", "(b)", "B.", "C) Paris", "D: none of these".
_OPTION = re.compile(r"^\s*(?:option\s+)?(?:\(([A-J])\)|\[([A-J])\]|([A-J])(?=$|\s*[).:,]))", re.IGNORECASE)
_LETTER_AND_TEXT = re.compile(
    r"^(?:\(([A-J])\)|([A-J])[).:])\s*((?![+*/^=<>|&]|\\(?:cap|cup|cdot|times)(?![a-z]))[^\s(),].*)$", re.DOTALL
)
_SENTENCE = re.compile(
    r"\banswer(?:\s+is|\s*:)[\s:*$(\[]*(?:\\text\{|\\mathrm\{)?\(?([A-J])(?=[\s.,;:*$)\]}]*(?:$|\n|[.,;:*$)\]}]))",
    re.IGNORECASE,
)


@strategy(stage="verify", version=1, needs=("answer", "reference"))
def multiple_choice(answers: pl.LazyFrame, *, index_base: int = 0) -> Iterator[pl.LazyFrame]:
    r"""Compare the letter that an answer chooses with the letter of the reference.

    The choice is the last `\boxed{}` (`C`, `(c)`, `\text{C}`, `C) Paris`), else the last "answer is (C)" or
    "Answer: C"; without either it is `unparsed`. A reference is a letter from A to J, or the number of an option
    counted from `index_base`; anything else is an `error`, a null one `unavailable`. OpenThoughts-114k asked a model
    to compare letters for its puzzles; letters need none.
    Columns in: `answer`, `reference`. Columns out: the same, and the four of a verdict.
    """

    def judge(rows: list[Row]) -> list[Judgement]:
        return [judge_choice(row["answer"], row["reference"], index_base) for row in rows]

    return judged(answers, ("answer", "reference"), "multiple_choice@1", judge)


def judge_choice(answer: str | None, reference: str | None, index_base: int | None = 0) -> Judgement:
    """The verdict on one answer."""
    if reference is None or not reference.strip():
        return Judgement(Verdict.UNAVAILABLE, "no reference")
    wanted = reference_letter(reference, index_base)
    if wanted is None:
        return Judgement(Verdict.ERROR, f"the reference '{reference[:60]}' is no letter from A to J and no index")
    given = chosen_letter(answer or "")
    if given is None:
        return Judgement(Verdict.UNPARSED, "no boxed letter and no 'answer is (X)' in the answer")
    if given == wanted:
        return Judgement(Verdict.RIGHT, f"chose {given}")
    return Judgement(Verdict.WRONG, f"expected {wanted}, got {given}")


def reference_letter(reference: str, index_base: int | None = None) -> str | None:
    """The letter that a reference is, or that its index stands for when `index_base` is given."""
    text = reference.strip().strip("$")
    if index_base is not None and text.isdecimal() and len(text) <= 3:
        place = int(text) - index_base
        return LETTERS[place] if 0 <= place < len(LETTERS) else None
    return option_letter(text)


def is_letter_only(reference: str) -> bool:
    r"""Whether a reference is a letter from A to J and nothing more: `C`, `(C)`, `\text{C}`, `C.`."""
    text = _WRAPPER.sub(r"\1", reference.strip().strip("$")).strip()
    return re.fullmatch(r"\(?[A-J][).]?", text) is not None


def letter_and_text(reference: str) -> tuple[str, str] | None:
    r"""The letter and the text of an option, `(B) 12`, `B. Paris` or `\textbf{(B)}\ 12`; None for anything else."""
    text = _WRAPPER.sub(r"\1", reference.strip().strip("$")).replace("\\ ", " ").strip()
    match = _LETTER_AND_TEXT.match(text)
    return ((match[1] or match[2]), match[3].strip()) if match else None


def chosen_letter(answer: str) -> str | None:
    """The letter that an answer chooses in the end."""
    boxed = last_boxed(answer)
    if boxed is not None:
        return option_letter(boxed)
    sentences = _SENTENCE.findall(answer)
    return sentences[-1].upper() if sentences else None


def option_letter(text: str) -> str | None:
    r"""The letter of `C`, `(c)`, `\text{C}`, `\textbf{(C)} 12` or `C) Paris`; None for anything else."""
    match = _OPTION.match(_WRAPPER.sub(r"\1", text.strip().strip("$")))
    return next(letter for letter in match.groups() if letter).upper() if match else None
