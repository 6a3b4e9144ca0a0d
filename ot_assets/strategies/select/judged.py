"""Only answers that a model takes for right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from pydantic import BaseModel

from ot_assets.strategies.asking import Reason, Reply, ask, beside
from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.tasks import IS_CORRECT, instruct, labelled
from ot_resources.interfaces import Generator, Message

NO_ANSWER = "the answer is empty"

_CORRECT, _SAID, _ERROR = "__correct", "__said", "__error"
_OPINION = {_CORRECT: pl.Boolean, _SAID: pl.String, _ERROR: pl.String}
_INSTRUCTIONS = """
You are given a question and an answer to it, without a reference. Work out for yourself whether the final result of the
answer is correct: look for the step that fails, not for a convincing style. An answer that comes to no result is not
correct. Give a reason in one or two sentences, then `correct`: true or false.
"""


class Opinion(BaseModel):
    reason: Reason
    correct: bool


@strategy(stage="select", version=1, needs=("question", "answer"))
def judged(
    answers: pl.LazyFrame, *, judge: Generator, temperature: float = 0.0, max_tokens: int = 256
) -> Iterator[Split]:
    """Keep the answers that a judge, who sees no reference, takes for correct.

    The others are dropped as `judged_wrong` (evidence: the judge's reason and model), as `judge_failed` what the judge
    could not decide (evidence: error and model), as `no_answer` an empty answer, which is not asked. The input is read
    twice: for the judge, and beside its replies.

    "GPT verification" of OpenThoughts3, GPT-4o-mini at temperature 0: 40.0 on average for math, where no filter came to
    41.9 with twice the rows and a random half to 41.6 (paper, table 6).

    Columns in: question, answer. Columns out: the same.
    """

    def messages(row: dict[str, Any]) -> tuple[Message, ...] | str:
        question, answer = ((row[name] or "").strip() for name in ("question", "answer"))
        if not answer:
            return NO_ANSWER
        return instruct(IS_CORRECT, _INSTRUCTIONS, labelled(question=question, answer=answer))

    replies = ask(
        judge, answers, ("question", "answer"), messages, Opinion, temperature=temperature, max_tokens=max_tokens
    )
    for batch, told in beside(answers, replies):
        opinions = pl.DataFrame([_columns(reply) for reply in told], schema=_OPINION, orient="row")
        yield split(
            batch.hstack(opinions).lazy(),
            pl.col(_CORRECT),
            reason=pl.when(pl.col(_ERROR).is_null())
            .then(pl.lit("judged_wrong"))
            .when(pl.col(_ERROR) == NO_ANSWER)
            .then(pl.lit("no_answer"))
            .otherwise(pl.lit("judge_failed")),
            evidence=pl.struct(
                pl.col(_SAID).alias("reason"), pl.col(_ERROR).alias("error"), pl.lit(judge.model).alias("model")
            ),
            scratch=tuple(_OPINION),
        )


def _columns(reply: Reply[Opinion]) -> tuple[bool | None, str | None, str | None]:
    told = reply.value
    return (told.correct, told.reason, None) if told else (None, None, reply.error)
