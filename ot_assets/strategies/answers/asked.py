"""What the teacher is asked, and the rows that come of its responses: one an answer, those without one in `dropped`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from ot_assets.contracts import ANSWER, QUESTION
from ot_assets.strategies.dropping import split
from ot_assets.strategies.prompts import Prefix, user_message
from ot_assets.strategies.registry import Split
from ot_resources.interfaces import FinishReason, Message, Response

_READ_ROWS = 64
_ERROR = "__error"
_MADE = {column: kind for column, kind in ANSWER.items() if column not in QUESTION}
_NEW = _MADE | {_ERROR: pl.String}
_WITHOUT = (FinishReason.ERROR, FinishReason.CONTENT_FILTER, FinishReason.PENDING)


class Asked(NamedTuple):
    """One request: the `sample`-th answer to the question in the `row`-th row of `batch`."""

    batch: pl.DataFrame
    row: int
    sample: int


def conversations(
    questions: pl.LazyFrame, system: str | None, prefix: Prefix | None
) -> Iterator[tuple[pl.DataFrame, int, tuple[Message, ...]]]:
    """Each question as a batch, its row there, and the messages that ask it; read as they are needed."""
    head = (Message("system", system),) if system else ()
    for batch in questions.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        said = batch.select(user_message(batch.schema, prefix)).to_series()
        for row, message in enumerate(said):
            yield batch, row, (*head, Message("user", message or ""))


def has_answer(response: Response) -> bool:
    """Whether the teacher said something that may be used."""
    return response.finish_reason not in _WITHOUT


def answer_rows(answered: list[tuple[Asked, Response]], schema: pl.Schema) -> Split:
    """Answers beside their questions (columns of `schema`), in the order given.

    Dropped: `request_pending` what was not asked because a budget was spent, `request_failed` what could not be
    answered or was held back by the endpoint's filter.
    """
    pieces = [group[0].batch[[asked.row for asked in group]] for group in _by_batch(answered)]
    questions = pl.concat(pieces) if pieces else pl.DataFrame(schema=schema)
    new = pl.DataFrame([_columns(asked, response) for asked, response in answered], schema=_NEW)
    rows = questions.drop(*_NEW, strict=False).hstack(new).lazy()
    finish = pl.col("finish_reason")
    return split(
        rows,
        ~finish.is_in([str(reason) for reason in _WITHOUT]),
        reason=pl.when(finish == FinishReason.PENDING.value)
        .then(pl.lit("request_pending"))
        .otherwise(pl.lit("request_failed")),
        evidence=pl.struct(pl.col(_ERROR).alias("error"), pl.col("model")),
        scratch=(_ERROR,),
    )


def not_asked(questions: pl.LazyFrame, ask: pl.Expr, *, reason: str, evidence: pl.Expr) -> pl.LazyFrame:
    """The questions that `ask` leaves out, as dropped rows with the columns of an answer, all null."""
    nothing = [pl.lit(None, kind).alias(column) for column, kind in _MADE.items()]
    rows = questions.drop(*_MADE, strict=False).with_columns(nothing)
    return split(rows, ask, reason=reason, evidence=evidence).dropped


def _by_batch(answered: list[tuple[Asked, Response]]) -> Iterator[list[Asked]]:
    for _, group in groupby((asked for asked, _ in answered), key=lambda asked: id(asked.batch)):
        yield list(group)


def _columns(asked: Asked, response: Response) -> dict[str, Any]:
    usable = has_answer(response)
    return {
        "sample": asked.sample,
        "model": response.model,
        "reasoning": response.reasoning if usable else None,
        "answer": response.answer if usable else None,
        "finish_reason": str(response.finish_reason),
        "prompt_tokens": response.prompt_tokens,
        "completion_tokens": response.completion_tokens,
        "response_id": response.response_id,
        _ERROR: None if usable else (response.error or "no reason given"),
    }
