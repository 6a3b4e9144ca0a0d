"""A teacher answers each question a number of times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.answers.asked import Asked, answer_rows, conversations
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Generator, Request, Response, Sampling

_YIELD_ROWS = 512


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
    as they come, and only what is in flight is held. A request that failed, or whose answer the endpoint held back, is
    dropped as `request_failed`, what was not asked because a budget was spent as `request_pending`:
    rows in x samples = answered + dropped. `reasoning` is null where the teacher closed no reasoning block. `system`
    goes before the question and `prefix` (`prompts.py`) around it.

    OpenThoughts3: QwQ-32B, 16 answers, temperature 0.999, 32,000 tokens, no system prompt in the ablation configs
    (_C1_Annotation/*/c1_*_qwq.yaml); of 1, 4 and 16 answers a question 16 was chosen (paper, table 5).
    OpenThoughts-114k: R1 with a short system prompt and `prefix: boxed` for mathematics.

    Columns in: question, tests and extra for `prefix: code`, and any others. Columns out: those and sample, model,
    reasoning, answer, finish_reason, prompt_tokens, completion_tokens, response_id. RuntimeError: the teacher stopped
    before the last answer.
    """
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    asked: deque[Asked] = deque()

    def requests() -> Iterator[Request]:
        for batch, row, messages in conversations(questions, system, prefix):
            for sample in range(samples):
                asked.append(Asked(batch, row, sample))
                yield Request(messages, sampling, sample)

    yield answer_rows([], questions.collect_schema())
    answered: list[tuple[Asked, Response]] = []
    for response in teacher.generate(requests()):
        answered.append((asked.popleft(), response))
        if len(answered) >= _YIELD_ROWS:
            yield answer_rows(answered, questions.collect_schema())
            answered = []
    if asked:
        raise RuntimeError(f"the teacher {teacher.model} stopped with {len(asked)} requests unanswered")
    if answered:
        yield answer_rows(answered, questions.collect_schema())
