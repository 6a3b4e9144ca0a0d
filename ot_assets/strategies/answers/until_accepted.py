"""A teacher answers each question until enough of its answers are right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.answers.asked import Asked, answer_rows, conversations, not_asked
from ot_assets.strategies.answers.rounds import Rounds, Rule, open_verdicts
from ot_assets.strategies.filter.rules import blank
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.verify.checker import READS, Kind
from ot_assets.strategies.verify.pool import PACKAGES
from ot_resources.interfaces import BadInput, Generator, Response, Sampling, Sandbox

Count = Annotated[int, Field(ge=1)]

_WHERE = "answers.until_accepted"
_YIELD_ROWS = 512


@strategy(stage="answers", version=2, packages=PACKAGES)
def until_accepted(
    questions: pl.LazyFrame,
    *,
    teacher: Generator,
    sandbox: Sandbox,
    verify: Kind,
    accepted: Count = 1,
    most: Count = 16,
    first: Count | None = None,
    give_up: Count | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_tokens: int = 32000,
    system: str | None = None,
    prefix: Prefix | None = None,
) -> Iterator[Split]:
    """Ask the teacher each question until `accepted` answers are right or `most` were asked; one row an answer.

    `first` are asked at once (default: `accepted`), then as many as right ones are missing, until there are enough. So
    a question gets the answers 0, 1, 2 ... of `answers.teacher` up to the one that is the last it needs, never one
    more: they are the same requests, and after that stage has asked 16 of each this one asks nothing new. What is
    right says `verify.math`, `verify.code` or `verify.multiple_choice` with its defaults; the sandbox is for code only.
    All answers are rows, right or not, for the stages `verify` and `select` to come, in the order question, sample.

    `give_up`: no more than so many while none is right. A question that the teacher gets right with probability p
    costs 1/p answers for each right one, and has none right among g with probability (1 - p)^g: with `most: 64,
    give_up: 8` one at p = 0.3 is given up in 6% of the cases, one at p = 0.02 in 85%, after an eighth of the answers.

    A question is asked no further either once a budget is spent, or where none of its answers so far tells anything:
    its requests failed, or its tests (reference) turn out to be broken. Without any it is not asked at all.

    Dropped: `not_verifiable` the question that has no reference (tests), one row; `request_failed` and
    `request_pending` as in `answers.teacher`. Columns in: question, reference (math, multiple_choice) or tests (code),
    extra for `prefix: code`, and any others. Columns out: as `answers.teacher`. BadInput: accepted, first or give_up
    above most; first above give_up. RuntimeError: the teacher stopped before the last answer.
    """
    rule = Rule.of(_WHERE, accepted, most, first, give_up)
    if READS[verify] not in questions.collect_schema():
        raise BadInput(f"{_WHERE}: verify: {verify} needs the column '{READS[verify]}'")
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    return _answers(questions, teacher, sandbox, verify, rule, sampling, system, prefix)


def _answers(
    questions: pl.LazyFrame,
    teacher: Generator,
    sandbox: Sandbox,
    verify: Kind,
    rule: Rule,
    sampling: Sampling,
    system: str | None,
    prefix: Prefix | None,
) -> Iterator[Split]:
    schema, column = questions.collect_schema(), READS[verify]
    verifiable = ~blank(pl.col(column))
    why = pl.struct(pl.lit(f"no {column}").alias("error"))
    yield Split(
        answer_rows([], schema).kept,
        not_asked(questions, verifiable, reason="not_verifiable", evidence=why),
    )
    ready: list[tuple[Asked, Response]] = []
    with open_verdicts(verify, sandbox) as verdicts:
        asking = conversations(questions.filter(verifiable), system, prefix)
        rounds = Rounds(asking, sampling, rule, verdicts, verify)
        for response in teacher.generate(rounds.requests()):
            rounds.take(response)
            ready += rounds.finished()
            if len(ready) >= _YIELD_ROWS:
                yield answer_rows(ready, schema)
                ready = []
        if rounds.unanswered:
            raise RuntimeError(f"the teacher {teacher.model} stopped with {rounds.unanswered} requests unanswered")
        ready += rounds.finished()
    if ready:
        yield answer_rows(ready, schema)
