"""Answers that are several letters at once, as JEEBench asks for: `ABD`."""

from __future__ import annotations

import re

from ot_assets.strategies.answer_text import last_boxed
from ot_assets.strategies.verify.verdict import Judgement, Verdict

_SEVERAL = re.compile(r"[A-J]{2,10}")
_WRAPPER = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textrm|operatorname)\s*\{([^{}]*)\}")
_BETWEEN = re.compile(r"\band\b|[\s,;&(){}\[\].$]|\\[,; ]|\\quad")


def are_several(reference: str | None) -> bool:
    """Whether a reference is several different letters."""
    text = (reference or "").strip()
    return _SEVERAL.fullmatch(text) is not None and len(set(text)) == len(text)


def judge_letters(answer: str, reference: str) -> Judgement:
    """Whether the last box names the same letters, in any order and however they are set apart: `A, B and D`.

    All of them or none: the partial credit that JEEBench's own evaluation gives is not given.
    """
    boxed = last_boxed(answer)
    if boxed is None:
        return Judgement(Verdict.UNPARSED, "no \\boxed{} in the answer")
    given = _BETWEEN.sub("", _WRAPPER.sub(r"\1", boxed)).upper()
    if not re.fullmatch("[A-J]+", given):
        return Judgement(Verdict.UNPARSED, f"the \\boxed{{}} holds no letters only: '{boxed[:60]}'")
    if set(given) == set(reference.strip()):
        return Judgement(Verdict.RIGHT, f"chose {reference.strip()}")
    return Judgement(Verdict.WRONG, f"expected {reference.strip()}, got {''.join(sorted(set(given)))}")
