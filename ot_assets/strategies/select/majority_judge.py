"""Answers that most of a question's answers agree with, as a model sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, NamedTuple

import polars as pl
from pydantic import AfterValidator, BaseModel, Field, create_model

from ot_assets.strategies.asking import Reason, ask_each
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.tasks import MAJORITY, instruct, labelled
from ot_resources.interfaces import Generator, Message

_READ_ROWS = 256
_INSTRUCTIONS = """
You are given several answers to one question, numbered from 0; of a long answer only the end. Find the final result of
each, and which of them come to the same result: other forms of one value are the same, programs are the same if they do
the same. Do not decide which result is right. Give a reason in one or two sentences, then `picked`: the numbers of the
answers in the largest group that agrees. Where no two agree, pick the first that comes to a result.
"""

_KEPT = "__kept"
_TOLD: dict[str, Any] = {
    "reason": pl.String,
    "error": pl.String,
    "picked": pl.List(pl.Int64),
    "answers": pl.Int64,
}


class Shown(NamedTuple):
    """An answer as the judge sees it, in the order of these fields."""

    sample: int
    row: int
    text: str


class Decision(NamedTuple):
    """What became of one answer."""

    kept: bool
    reason: str | None = None
    error: str | None = None
    picked: list[int] | None = None
    answers: int = 0


class _Opinion(BaseModel):
    reason: Reason
    picked: list[int]


@strategy(stage="select", version=1, needs=("question_id", "answer"))
def majority_judge(
    answers: pl.LazyFrame,
    *,
    judge: Generator,
    last_characters: Annotated[int, Field(ge=1)] | None = 1000,
    temperature: float = 0.0,
    max_tokens: int = 256,
) -> Split:
    """Keep, of each question, the largest group of answers that a judge finds to agree.

    The judge sees all answers of a question in the order of their `sample`, of each its last `last_characters` (None:
    all of it), and gives a reason and the numbers of those that agree. A question with one answer is not asked: the
    answer stays. The rows may come in any order; where those of a question stand together, only what is in flight is
    held, else what is read until its last answer.

    Dropped: as `minority` what the judge did not pick (evidence: reason, picked (samples), answers, model); as
    `judge_failed` all answers of a question that it could not decide (evidence: error, model); as `no_answer` an empty
    answer, which the judge does not see.

    LLM consensus of OpenThoughts3: GPT-4o-mini, the last 1,000 characters of an answer in mathematics, the whole answer
    elsewhere, up to 16 answers. Its temperature is not known; here it is 0 as in the published GPT verification.

    Columns in: question_id, answer, sample. Columns out: the same.
    """
    narrow = answers.select(
        pl.col("question_id"), pl.col("sample"), pl.col("answer").str.strip_chars().fill_null("").alias("answer")
    )
    votes = _votes(narrow)
    asked: list[list[Shown]] = []

    def requests() -> Iterator[tuple[tuple[Message, ...], type[_Opinion]]]:
        for shown in _groups(narrow, votes, last_characters):
            asked.append([answer._replace(text="") for answer in shown])
            data = labelled(**{f"answer {number}": answer.text for number, answer in enumerate(shown)})
            yield instruct(MAJORITY, _INSTRUCTIONS, data), _form(len(shown))

    decisions: dict[int, Decision] = {}
    replies = ask_each(judge, requests(), temperature=temperature, max_tokens=max_tokens)
    for number, reply in enumerate(replies):
        shown = asked[number]
        told = reply.value
        picked = [shown[place].sample for place in sorted(told.picked)] if told else None
        chosen = set(told.picked) if told else set()
        for place, answer in enumerate(shown):
            decisions[answer.row] = Decision(
                place in chosen, told.reason if told else None, reply.error, picked, len(shown)
            )
    return _split(answers, narrow, decisions, judge.model)


def _votes(narrow: pl.LazyFrame) -> Counter[str | None]:
    """How many answers each question has, empty ones left out."""
    counted = narrow.filter(pl.col("answer") != "").group_by("question_id").len().collect(engine="streaming")
    return Counter(dict(counted.iter_rows()))


def _groups(narrow: pl.LazyFrame, votes: Counter[str | None], last_characters: int | None) -> Iterator[list[Shown]]:
    """The answers of each question that has several, as soon as its last one is read."""
    waiting: dict[str | None, list[Shown]] = {}
    shown = narrow if last_characters is None else narrow.with_columns(pl.col("answer").str.tail(last_characters))
    row = 0
    for batch in shown.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        for question, sample, text in batch.iter_rows():
            if text and votes[question] > 1:
                waiting.setdefault(question, []).append(Shown(sample or 0, row, text))
                if len(waiting[question]) == votes[question]:
                    yield sorted(waiting.pop(question))
            row += 1


def _split(answers: pl.LazyFrame, narrow: pl.LazyFrame, decisions: dict[int, Decision], model: str) -> Split:
    empty = narrow.select((pl.col("answer") == "").alias("empty")).collect(engine="streaming")["empty"]
    rows = [
        decisions.get(row) or Decision(not is_empty, error="the answer is empty" if is_empty else None)
        for row, is_empty in enumerate(empty)
    ]
    told = {f"__{name}": kind for name, kind in _TOLD.items()}
    decided = pl.DataFrame(rows, schema={_KEPT: pl.Boolean} | told, orient="row").with_row_index(ROW)
    no_answer = pl.col("__answers") == 0
    return split(
        answers.with_row_index(ROW).join(decided.lazy(), on=ROW, how="left", maintain_order="left"),
        pl.col(_KEPT),
        reason=pl.when(no_answer)
        .then(pl.lit("no_answer"))
        .when(pl.col("__error").is_not_null())
        .then(pl.lit("judge_failed"))
        .otherwise(pl.lit("minority")),
        evidence=pl.struct(*(pl.col(f"__{name}").alias(name) for name in _TOLD), pl.lit(model).alias("model")),
        scratch=(ROW, _KEPT, *told),
    )


@cache
def _form(answers: int) -> type[_Opinion]:
    """A reason, and after it the numbers of at least one of so many answers, each once."""
    place = Annotated[int, Field(ge=0, le=answers - 1)]
    picked = Annotated[list[place], Field(min_length=1, max_length=answers), AfterValidator(_once)]  # type: ignore[valid-type]
    return create_model("Agreement", __base__=_Opinion, picked=(picked, ...))


def _once(picked: list[int]) -> list[int]:
    if len(set(picked)) != len(picked):
        raise ValueError(f"an answer is picked twice: {picked}")
    return picked
