"""Have a judge rate every question: the half that the filters share which ask for a number and a reason."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl
from pydantic import BaseModel, Field, create_model

from ot_assets.strategies.asking import Reason, ask
from ot_assets.strategies.filter.scoring import ERROR
from ot_assets.strategies.tasks import instruct
from ot_resources.interfaces import Generator, Message

REASON = "__reason"


class _Opinion(BaseModel):
    reason: Reason


def rate(
    questions: pl.LazyFrame,
    judge: Generator,
    *,
    task: str,
    instructions: str,
    highest: int,
    score: str,
    temperature: float,
    max_tokens: int,
) -> pl.DataFrame:
    """One row a question, in order: the column `score` (Int64, 1 to `highest`) and the judge's `__reason`, or else an
    `__error`. A question without text is not asked. Column in: question.
    """

    def messages(row: dict[str, Any]) -> tuple[Message, ...] | str:
        question = (row["question"] or "").strip()
        return instruct(task, instructions, question) if question else "the question is empty"

    replies = ask(
        judge, questions, ("question",), messages, _form(highest), temperature=temperature, max_tokens=max_tokens
    )
    rows = [_row(reply.value.model_dump() if reply.value else {}, reply.error) for reply in replies]
    return pl.DataFrame(rows, schema={score: pl.Int64, REASON: pl.String, ERROR: pl.String}, orient="row")


def _row(told: dict[str, Any], error: str | None) -> tuple[int | None, str | None, str | None]:
    return told.get("rating"), told.get("reason"), error


@cache
def _form(highest: int) -> type[BaseModel]:
    """A reason, and after it a rating."""
    return create_model("Rating", __base__=_Opinion, rating=(int, Field(ge=1, le=highest)))
