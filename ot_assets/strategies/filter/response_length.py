"""The longer a model answers, the more a question has to teach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.filter.scoring import ERROR, check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Generator, Message, Request, Sampling

_READ_ROWS = 1024


@strategy(stage="filter", version=2)
def response_length(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    per_source: bool = False,
    seed: int = 42,
    unit: Literal["characters", "tokens"] = "characters",
    max_tokens: int = 4096,
    temperature: float = 1.0,
    compat: Literal["input_order"] | None = None,
) -> Split:
    """Keep the questions that the judge answers at greatest length: `keep` of them, or those of `at_least`, or both.

    The judge gets the bare question as one user message. The score is the length of the whole response, its reasoning
    included: in characters, as published, or in completion tokens. `keep` counts all rows, those of each source
    (`per_source`), or is {source: how many}. Equal lengths are ordered by sha256(seed, question_id). Dropped as
    `short_response`, as `judge_failed` what the judge could not answer, as `no_quota` a source that `keep` lacks.
    A response that `max_tokens` cut off counts as long as it is: where many are, lengths tie at that limit.

    OpenThoughts3 (paper, table 4): GPT-4.1-mini at temperature 1.0 gives 41.9 on average for
    math, GPT-4.1-nano 39.4, AskLLM 36.3; it won math and science. Kept: math 180k, science 30k of each of 2 sources.
    The original sorts and cuts, so that of equal lengths the earlier row stays: `compat="input_order"` does so too.

    Columns in: question, question_id; source for a cut by source. Columns out: the same and `response_characters` or
    `response_tokens` (Int64). BadInput: neither `keep` nor `at_least`.
    """
    where = "filter.response_length"
    check_keep(questions, keep=keep, at_least=at_least, per_source=per_source, where=where)
    score = f"response_{unit}"
    return keep_best(
        questions,
        _judge(questions, judge, Sampling(temperature=temperature, max_tokens=max_tokens), score),
        score=score,
        keep=keep,
        at_least=at_least,
        per_source=per_source,
        seed=seed,
        low="short_response",
        evidence={"model": judge.model},
        compat=compat,
        where=where,
    )


def _judge(questions: pl.LazyFrame, judge: Generator, sampling: Sampling, score: str) -> pl.DataFrame:
    """Ask the judge every question in one stream. One row a question: its score, or why there is none."""
    asked = 0

    def requests() -> Iterator[Request]:
        nonlocal asked
        narrow = questions.select("question")
        for batch in narrow.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
            for question in batch["question"]:
                asked += 1
                yield Request((Message("user", question or ""),), sampling)

    scores: list[int | None] = []
    errors: list[str | None] = []
    for response in judge.generate(requests()):
        failed = response.error is not None
        length = response.completion_tokens if score == "response_tokens" else len(response.text)
        scores.append(None if failed else length)
        errors.append((response.error or "no reason given") if failed else None)
    if len(scores) != asked:
        raise RuntimeError(f"the judge {judge.model} answered {len(scores)} of {asked} questions")
    return pl.DataFrame({score: scores, ERROR: errors}, schema={score: pl.Int64, ERROR: pl.String})
