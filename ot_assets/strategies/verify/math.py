"""Answers that are mathematics: equal in value to the reference, or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from typing import Literal

import polars as pl

from ot_assets.strategies.answer_text import last_boxed
from ot_assets.strategies.registry import strategy
from ot_assets.strategies.verify import exact
from ot_assets.strategies.verify.compat import failed_open
from ot_assets.strategies.verify.multiple_choice import is_letter_only, judge_choice, letter_and_text, option_letter
from ot_assets.strategies.verify.pool import PACKAGES, MathPool
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict, judged

# No final answer of a known benchmark comes near; an expression beyond it costs more than it tells.
ANSWER_CHARS = 2000

_FINAL_NUMBER = re.compile(r"[+-]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+|[eE][+-]?\d+)?%?")


@strategy(stage="verify", version=2, needs=("answer", "reference"), packages=PACKAGES)
def math(
    answers: pl.LazyFrame,
    *,
    seconds: float = 10,
    boxed_only: bool = True,
    compat: Literal["fail_open"] | None = None,
) -> Iterator[pl.LazyFrame]:
    r"""Compare the last `\boxed{}` of an answer with the reference: exactly if they are numbers, else by math-verify.

    The order of the checks: a reference that is one letter from A to J, or `(B) 12`, by the rule of `multiple_choice`;
    the same text; equal fractions, with the rules for units, percent and thousands of `exact.py`; words as words; the
    rest by math-verify 0.9.0, reference first, in a process that is killed after `seconds` (verdict `timeout`) and
    limited to 2 GB. It compares expressions; lists, sets, tuples, intervals and unions are taken apart by
    `math_worker.py`, which also refuses what math-verify is known to accept wrongly. A list without brackets is a set
    with repeats (`1,2` = `2,1`, not `1,2,2`); `(1,2)` is a pair. A reference that cannot be read is an `error`, such
    an answer `unparsed`. Without a box the verdict is `unparsed`; with `boxed_only=False` the last number of the last
    line is taken then. The reference may itself be a solution that ends in a box or in GSM8K's `#### 42`.
    `tests/golden/math_verdicts.yaml` says by example what is right.

    OpenThoughts-114k had a model judge its mathematics; 32,390 of its 89,120 rows fail math-verify (open-r1's
    re-check of the release). The filters by ground truth in OpenThoughts3's ablation keep an answer whenever
    math-verify raises: `compat: fail_open` says `right` where the verdict is `error` or `timeout`, and what it was in
    the reason.
    Columns in: `answer`, `reference`. Columns out: the same, and the four of a verdict.
    """
    by = " ".join(["math@2", *(f"{name} {metadata.version(name)}" for name in PACKAGES), *([compat] if compat else [])])
    with MathPool(seconds) as pool:

        def judge(rows: list[Row]) -> list[Judgement]:
            judgements = judge_rows(rows, pool=pool, boxed_only=boxed_only)
            return judgements if compat is None else [as_if_kept(judgement) for judgement in judgements]

        yield from judged(answers, ("answer", "reference"), by, judge)


def as_if_kept(judgement: Judgement) -> Judgement:
    """The verdict of a filter that keeps every answer whose check raised or did not end."""
    return failed_open(judgement) if judgement.verdict in (Verdict.ERROR, Verdict.TIMEOUT) else judgement


def judge_rows(rows: list[Row], *, pool: MathPool, boxed_only: bool) -> list[Judgement]:
    """Judge what needs no algebra here, and the rest in the pool."""
    results = [judge_plainly(row["answer"], row["reference"], boxed_only) for row in rows]
    pairs = {place: result for place, result in enumerate(results) if not isinstance(result, Judgement)}
    for place, judgement in zip(pairs, pool.judge(pairs.values()), strict=True):
        results[place] = judgement
    return [result for result in results if isinstance(result, Judgement)]


def judge_plainly(answer: str | None, reference: str | None, boxed_only: bool) -> Judgement | tuple[str, str]:
    """The verdict where it takes no algebra, else the (reference, answer) pair that does."""
    if reference is None or not reference.strip():
        return Judgement(Verdict.UNAVAILABLE, "no reference")
    gold = reference_answer(reference)
    if is_letter_only(gold):
        return judge_choice(answer, gold, index_base=None)
    option = letter_and_text(gold)
    if option:
        return judge_option(answer, *option)
    given = final_answer(answer or "", boxed_only)
    if given is None:
        return Judgement(Verdict.UNPARSED, "no \\boxed{} in the answer" if answer else "the answer is empty")
    if not exact.normalised(given):
        return Judgement(Verdict.UNPARSED, "the \\boxed{} is empty")
    for side, text in (("reference", gold), ("boxed answer", given)):
        if len(text) > ANSWER_CHARS:
            verdict = Verdict.ERROR if side == "reference" else Verdict.UNPARSED
            return Judgement(verdict, f"the {side} has {len(text)} characters, more than {ANSWER_CHARS}")
    equal = exact.compare(gold, given)
    if equal is None:
        return gold, given
    if equal:
        return Judgement(Verdict.RIGHT, "equal")
    return Judgement(Verdict.WRONG, f"expected '{gold[:80]}', got '{given[:80]}'")


def judge_option(answer: str | None, letter: str, text: str) -> Judgement | tuple[str, str]:
    """The verdict on the choice of `letter) text`: by the letter, unless the answer gives a text that is another."""
    given = letter_and_text(last_boxed(answer or "") or "")
    if given and exact.compare(text, given[1]) is False:
        return Judgement(Verdict.WRONG, f"expected '{text[:80]}', got '{given[1][:80]}'")
    boxed = last_boxed(answer or "")
    if boxed is None or option_letter(boxed) is not None:
        return judge_choice(answer, letter, index_base=None)
    return judge_plainly(answer, text, boxed_only=True)


def reference_answer(reference: str) -> str:
    """The final answer of a reference: its last box, what follows GSM8K's `####`, or all of it."""
    boxed = last_boxed(reference)
    if boxed is not None:
        return boxed.strip()
    _, mark, marked = reference.rpartition("####")
    marked = marked.strip()
    return marked if mark and marked and "\n" not in marked else reference.strip()


def final_answer(answer: str, boxed_only: bool) -> str | None:
    """The answer's last box; without one and if `boxed_only` is False, the last number of its last line."""
    boxed = last_boxed(answer)
    if boxed is not None or boxed_only:
        return boxed
    lines = answer.strip().splitlines()
    numbers = _FINAL_NUMBER.findall(lines[-1]) if lines else []
    return numbers[-1].rstrip(",") if numbers else None
