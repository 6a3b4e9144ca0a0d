"""A teacher answers each question a number of times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import Annotated, Any, NamedTuple

import polars as pl
from pydantic import Field

from ot_assets.contracts import ANSWER, QUESTION
from ot_assets.strategies.dropping import split
from ot_assets.strategies.prompts import Prefix, user_message
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import FinishReason, Generator, Message, Request, Response, Sampling

_READ_ROWS = 64
_YIELD_ROWS = 512
_ERROR = "__error"
_NEW = {column: kind for column, kind in ANSWER.items() if column not in QUESTION} | {_ERROR: pl.String}


class _Asked(NamedTuple):
    batch: pl.DataFrame
    row: int
    sample: int


@strategy(stage="answers", version=1)
def teacher(
    questions: pl.LazyFrame,
    *,
    teacher: Generator,
    samples: Annotated[int, Field(ge=1)] = 16,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_tokens: int = 32000,
    system: str | None = None,
    prefix: Prefix | None = None,
) -> Iterator[Split]:
    """Ask the teacher each question `samples` times; one row an answer, in the order question, sample.

    All questions go to the teacher as one stream, and it decides how many of them are in flight; answers are handed on
    as they come, and only what is in flight is held. A request that failed is dropped as `request_failed`:
    rows in x samples = answered + failed. `reasoning` is null where the teacher closed no reasoning block. `system`
    goes before the question and `prefix` (`prompts.py`) around it.

    OpenThoughts3: QwQ-32B, 16 answers, temperature 0.999, 32,000 tokens, no system prompt in the ablation configs
    (_C1_Annotation/*/c1_*_qwq.yaml); of 1, 4 and 16 answers a question 16 was chosen (paper, table 5).
    OpenThoughts-114k: R1 with a short system prompt and `prefix: boxed` for mathematics.

    Columns in: question, tests and extra for `prefix: code`, and any others. Columns out: those and sample, model,
    reasoning, answer, finish_reason, prompt_tokens, completion_tokens, response_id. RuntimeError: the teacher stopped
    before the last answer.
    """
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    head = (Message("system", system),) if system else ()
    asked: deque[_Asked] = deque()

    def requests() -> Iterator[Request]:
        for batch in questions.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
            said = batch.select(user_message(batch.schema, prefix)).to_series()
            for row, message in enumerate(said):
                messages = (*head, Message("user", message or ""))
                for sample in range(samples):
                    asked.append(_Asked(batch, row, sample))
                    yield Request(messages, sampling, sample)

    yield _rows([], questions.collect_schema())
    answered: list[tuple[_Asked, Response]] = []
    for response in teacher.generate(requests()):
        answered.append((asked.popleft(), response))
        if len(answered) >= _YIELD_ROWS:
            yield _rows(answered, questions.collect_schema())
            answered = []
    if asked:
        raise RuntimeError(f"the teacher {teacher.model} stopped with {len(asked)} requests unanswered")
    if answered:
        yield _rows(answered, questions.collect_schema())


def _rows(answered: list[tuple[_Asked, Response]], schema: pl.Schema) -> Split:
    """Answers beside their questions, the failed ones in `dropped`."""
    asked = [question for question, _ in answered]
    pieces = [group[0].batch[[a.row for a in group]] for group in _by_batch(asked)]
    questions = pl.concat(pieces) if pieces else pl.DataFrame(schema=schema)
    new = pl.DataFrame([_columns(a, r) for a, r in answered], schema=_NEW)
    rows = questions.drop(*_NEW, strict=False).hstack(new).lazy()
    return split(
        rows,
        pl.col("finish_reason") != FinishReason.ERROR.value,
        reason="request_failed",
        evidence=pl.struct(pl.col(_ERROR).alias("error"), pl.col("model")),
        scratch=(_ERROR,),
    )


def _by_batch(asked: list[_Asked]) -> Iterator[list[_Asked]]:
    for _, group in groupby(asked, key=lambda question: id(question.batch)):
        yield list(group)


def _columns(asked: _Asked, response: Response) -> dict[str, Any]:
    failed = response.finish_reason == FinishReason.ERROR
    return {
        "sample": asked.sample,
        "model": response.model,
        "reasoning": None if failed else response.reasoning,
        "answer": None if failed else response.answer,
        "finish_reason": str(response.finish_reason),
        "prompt_tokens": response.prompt_tokens,
        "completion_tokens": response.completion_tokens,
        "response_id": response.response_id,
        _ERROR: (response.error or "no reason given") if failed else None,
    }
