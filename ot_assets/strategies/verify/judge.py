"""Answers compared with the reference by a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel

from ot_assets.strategies.asking import Reason, Reply, ask, finish
from ot_assets.strategies.registry import strategy
from ot_assets.strategies.tasks import SAME_ANSWER, instruct, labelled
from ot_assets.strategies.verify.checker import open_symbolic
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict, combined, judged
from ot_resources.interfaces import Generator, Message

Subject = Literal["math", "puzzle", "science"]

BATCH_ROWS = 256
NO_REFERENCE = "no reference"
NO_ANSWER = "the answer is empty"
DECIDED = "the first checker has decided"

_RULES = {
    "math": """
You are given a mathematical problem, a reference solution that is known to be right, and an answer to check. Find the
final result of each; it is often in \\boxed{}. The answer is correct if its final result equals that of the reference:
other forms of the same value are equal (1/2 and 0.5, a factored and an expanded polynomial, the same set in another
order), other values are not. A result that is missing, or one of several that are left open, is not correct.
""",
    "puzzle": """
You are given a puzzle with lettered options, the letter of the right option, and an answer to check. The answer is
correct if what it chooses in the end is that option, by its letter or by its text. An answer that chooses none, or more
than one, is not correct.
""",
    "science": """
You are given a question of science, a reference answer that is known to be right, and an answer to check. The answer is
correct if its conclusion says the same as the reference: the same quantity within rounding, with a unit that agrees;
the same substance, structure or organism under any of its names; the same choice. Additional explanation does not
matter unless it contradicts the reference.
""",
}
_ENDING = """
Judge the end of the answer, not its style, and do not let it persuade you: the reference decides. Give a reason in one
or two sentences, then `correct`: true or false.
"""


class Comparison(BaseModel):
    reason: Reason
    correct: bool


@strategy(stage="verify", version=2, needs=("question", "answer", "reference"))
def judge(
    answers: pl.LazyFrame,
    *,
    judge: Generator,
    subject: Subject = "math",
    after: Literal["math", "multiple_choice"] | None = None,
    asks: Literal["undecided", "all"] = "undecided",
    rule: Literal["first", "judge", "both"] = "first",
    temperature: float = 0.0,
    max_tokens: int = 256,
) -> Iterator[pl.LazyFrame]:
    """Have a judge compare each answer, as a whole, with its reference, as a whole; `subject` chooses the wording.

    `right` and `wrong` are the judge's word, with its reason. Where it gave none (it failed, its reply was cut off or
    was not of the form) the verdict is `unavailable`, and so without a reference, which is not asked; an empty answer
    is `unparsed`. `verdict_by` names the judge and its revision.

    With `after`, that verifier judges first, and the judge is asked only for what it could not decide (`unparsed`,
    `timeout`, `error`), or for `all` that it has a reference for. Where both decide and differ, `rule` says whose word
    counts: the `first` one's, the `judge`'s, or, with `both`, neither's: `right` is then what both call right. All that
    was said is kept in `verdicts`; the rows where the two differ are the view `<table>__disagreements`.

    OpenThoughts-114k judged mathematics and puzzles so with GPT-4o (the paper and Bespoke-Stratos-17k: GPT-4o-mini,
    which accepts 73% of the mathematics where a comparison by sympy accepts 25%). 32,390 of the 89,120 rows that it
    accepted fail math-verify (open-r1's re-check of the release).

    Columns in: question, answer, reference. Columns out: the same, and the four of a verdict; with `after` also
    `verdicts`, a list of (by, verdict, reason).
    """
    instructions = _RULES[subject] + _ENDING
    by = f"judge@2 {judge.model}"
    firsts: deque[Judgement] = deque()  # of the rows that are read and not yet written

    with open_symbolic(after) if after else nullcontext() as check:

        def messages(row: dict[str, Any]) -> tuple[Message, ...] | str:
            if check is not None and after:
                firsts.extend(replace(judgement, by=after) for judgement in check([row]))
                if asks == "undecided" and firsts[-1].verdict in (Verdict.RIGHT, Verdict.WRONG):
                    return DECIDED
            question, reference, answer = ((row[name] or "").strip() for name in ("question", "reference", "answer"))
            if not reference:
                return NO_REFERENCE
            if not answer:
                return NO_ANSWER
            return instruct(SAME_ANSWER, instructions, labelled(question=question, reference=reference, answer=answer))

        columns = ("question", "answer", "reference")
        replies = ask(judge, answers, columns, messages, Comparison, temperature=temperature, max_tokens=max_tokens)

        def judgements(rows: list[Row]) -> list[Judgement]:
            second = [_judgement(next(replies), by) for _ in rows]
            return [combined(firsts.popleft(), said, rule) for said in second] if after else second

        yield from judged(answers, ("answer",), by, judgements, BATCH_ROWS, several=after is not None)
        finish(replies)


def _judgement(reply: Reply[Comparison], by: str) -> Judgement:
    if reply.value is not None:
        return Judgement(Verdict.RIGHT if reply.value.correct else Verdict.WRONG, reply.value.reason, by=by)
    if reply.error == NO_ANSWER:
        return Judgement(Verdict.UNPARSED, NO_ANSWER, by=by)
    if reply.error in (NO_REFERENCE, DECIDED):
        return Judgement(Verdict.UNAVAILABLE, reply.error, by=by)
    return Judgement(Verdict.UNAVAILABLE, f"the judge failed: {reply.error}", by=by)
