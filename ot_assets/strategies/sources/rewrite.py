"""The same problems in other words, and turned round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, Field

from ot_assets.contracts import Rows
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.sources.masking import Masked, final_answer, has_unknown, mask
from ot_assets.strategies.sources.writing import (
    Ask,
    Made,
    Refused,
    Row,
    drawn,
    need_source,
    number_of,
    same,
    write,
)
from ot_assets.strategies.tasks import REWRITE, instruct, labelled
from ot_resources.interfaces import Generator

Operation = Literal["rephrase", "self_verification", "fobar"]

_REPHRASE = """
The user gives you a question. Say it in other words: another order of sentences, another setting or other names where
that changes nothing. All numbers, conditions and what is asked for stay as they are, so that the answer is the same.
Tables, formulas and code stay as they are. Do not answer the question.

Reply with `question`, the whole question in its new words.
"""
_STATE = """
The user gives you a question, in which one number is replaced by the letter {unknown}, and its answer. Turn both into
one statement: the facts of the question as they are, with {unknown} in its place, and then, instead of what it asks,
the answer as one more fact. Ask nothing, and do not work out {unknown}.

Reply with `question`, the statement.
"""


class _Rewritten(BaseModel):
    question: str


@strategy(stage="sources", version=1, needs=("question", "reference"))
def rewrite(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    source: str,
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)] = ("rephrase", "self_verification", "fobar"),
    limit: Rows | None = None,
    domain: str | None = None,
    temperature: float = 0.7,
    max_tokens: int = 1024,
    seed: int = 42,
) -> Iterator[Split]:
    """Make one new problem of every problem, by one of those of `operations` that fit it, drawn by its id.

    `rephrase`: the model says it in other words; reference and tests stay. The other two put a letter in the place of
    one number and ask for it, given the answer; the reference is then that number. `fobar` appends the answer and the
    new question to the text and asks no model; for `self_verification` the model turns text and answer into a
    statement first. These two fit where the text has a number that stands by itself and the reference is short: its
    last box, or itself, in one line of up to 80 characters.

    With `limit` only that many are taken, the first by sha256(seed, question_id); the others are dropped as
    `not_drawn`. Of the rest: `empty_question`, `no_operation_fits`, `no_question` (an empty reply), `unchanged`,
    `unknown_lost` (a statement without the letter), `judge_failed`.

    MetaMath (arXiv 2309.12284): 395,000 questions from GSM8K and MATH by GPT-3.5-Turbo, in these three ways and by
    answering anew; self-verification and FOBAR are its two ways backward. It kept what solved to the known answer: the
    stage `verify` does that here. The prompts are our own.

    Columns in: question, reference, question_id; source, domain and tests where there are any. Columns out: exactly
    those of a question; `extra` tells parent, parent_source, written_by and operation, and unknown where there is one.
    """
    need_source(source, "sources.rewrite")
    asked, left = drawn(questions, limit, seed)
    yield left

    def plan(row: Row) -> list[Ask | Made | Refused]:
        return [_step(row, operations, seed)]

    yield from write(asked, judge, plan, source=source, domain=domain, temperature=temperature, max_tokens=max_tokens)


def _step(row: Row, operations: tuple[Operation, ...], seed: int) -> Ask | Made | Refused:
    question = (row["question"] or "").strip()
    if not question:
        return Refused("empty_question", {"column": "question"})
    draw = number_of(row["question_id"], "rewrite", seed)
    answer, masked = final_answer(row["reference"]), mask(question, draw)
    if answer is None or masked is None:
        lacking = "a short reference" if answer is None else "a number that stands by itself"
        if "rephrase" not in operations:
            return Refused("no_operation_fits", {"operations": list(operations), "lacking": lacking})
        return _rephrase(question, row)
    operation = operations[draw % len(operations)]
    if operation == "rephrase":
        return _rephrase(question, row)
    return _fobar(masked, answer) if operation == "fobar" else _self_verification(masked, answer)


def _rephrase(question: str, row: Row) -> Ask:
    told = {"operation": "rephrase"}

    def read(reply: _Rewritten) -> Made | Refused:
        new = reply.question.strip()
        if not new:
            return Refused("no_question", told)
        if same(new, question):
            return Refused("unchanged", told)
        return Made(new, row["reference"], row.get("tests"), told)

    return Ask(instruct(REWRITE, _REPHRASE, question), _Rewritten, read)


def _fobar(masked: Masked, answer: str) -> Made:
    question = f"{masked.question}\n\nThe answer to this is {answer}. What is the value of {masked.unknown}?"
    return Made(question, masked.number, told={"operation": "fobar", "unknown": masked.unknown})


def _self_verification(masked: Masked, answer: str) -> Ask:
    told = {"operation": "self_verification", "unknown": masked.unknown}

    def read(reply: _Rewritten) -> Made | Refused:
        statement = reply.question.strip()
        if not statement:
            return Refused("no_question", told)
        if not has_unknown(statement, masked.unknown):
            return Refused("unknown_lost", told | {"statement": statement})
        return Made(f"{statement} What is the value of {masked.unknown}?", masked.number, told=told)

    data = labelled(question=masked.question, answer=answer)
    return Ask(instruct(REWRITE, _STATE.format(unknown=masked.unknown), data), _Rewritten, read)
