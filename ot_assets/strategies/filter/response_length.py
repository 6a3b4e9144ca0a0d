"""The longer a model answers, the more a question has to teach."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, with_rank
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput, FinishReason, Generator, Message, Request, Sampling

SCORE = "response_characters"
_ERROR = "__error"
_CUTOFF = "__cutoff"
_READ_ROWS = 1024


@strategy(stage="filter", version=1)
def response_length(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    keep: Rows,
    per_source: bool = False,
    max_tokens: int = 4096,
    temperature: float = 1.0,
) -> Split:
    """Keep the `keep` questions that the judge answers at greatest length, of each source with `per_source`.

    The judge gets the bare question as one user message. The score is the length of the whole response in characters,
    not tokens, as published. Of equal scores the earlier row stays; kept rows stay in input order. Shorter ones are
    dropped as `short_response`, those that the judge could not answer as `judge_failed`.

    OpenThoughts3 (paper, table 4): GPT-4.1-mini at temperature 1.0 gives 41.9 on average for
    math, GPT-4.1-nano 39.4, AskLLM 36.3; it won math and science. Kept: math 180k, science 30k of each of 2 sources.

    Columns in: question, and source with `per_source`. Columns out: the same and `response_characters` (Int64).
    """
    schema = questions.collect_schema()
    if per_source and "source" not in schema:
        raise BadInput("filter.response_length: 'per_source' needs the column 'source'")
    within = "source" if per_source else None
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens)
    scored = _rank(_judge(questions, judge, sampling, within), keep, within)
    joined = questions.drop(SCORE, strict=False).with_row_index(ROW)
    joined = joined.join(scored.lazy(), on=ROW, how="left", maintain_order="left")
    failed = pl.col(_ERROR).is_not_null()
    return split(
        joined,
        ~failed & (pl.col(RANK) <= keep),
        reason=pl.when(failed).then(pl.lit("judge_failed")).otherwise(pl.lit("short_response")),
        evidence=pl.struct(
            pl.col(SCORE).alias("score"),
            pl.when(~failed).then(pl.col(RANK)).alias("rank"),
            pl.lit(keep).alias("keep"),
            pl.col(_CUTOFF).alias("cutoff"),
            pl.col(_ERROR).alias("error"),
            pl.lit(judge.model).alias("model"),
        ),
        scratch=(ROW, RANK, _ERROR, _CUTOFF),
    )


def _judge(questions: pl.LazyFrame, judge: Generator, sampling: Sampling, within: str | None) -> pl.DataFrame:
    """Ask the judge every question in one stream. One row a question: its score, or why there is none."""
    narrow = questions.select("question", *([within] if within else []))
    sources: list[str | None] = []

    def requests() -> Iterator[Request]:
        for batch in narrow.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
            sources.extend(batch[within] if within else [None] * len(batch))
            for question in batch["question"]:
                yield Request((Message("user", question or ""),), sampling)

    scores: list[int | None] = []
    errors: list[str | None] = []
    for response in judge.generate(requests()):
        failed = response.finish_reason == FinishReason.ERROR
        scores.append(None if failed else len(response.text))
        errors.append((response.error or "no reason given") if failed else None)
    if len(scores) != len(sources):
        raise RuntimeError(f"the judge {judge.model} answered {len(scores)} of {len(sources)} questions")
    columns = {SCORE: scores, _ERROR: errors, "source": sources}
    return pl.DataFrame(columns, schema={SCORE: pl.Int64, _ERROR: pl.String, "source": pl.String})


def _rank(judged: pl.DataFrame, keep: int, within: str | None) -> pl.DataFrame:
    """Row number, score, error, rank and the lowest score that is kept."""
    ranked = with_rank(judged.lazy(), pl.col(SCORE), within=within, descending=True)
    cutoff = pl.when(pl.col(RANK) <= keep).then(pl.col(SCORE)).min()
    columns = (cutoff.over(within) if within else cutoff).alias(_CUTOFF)
    return ranked.with_columns(columns).drop("source").collect()
