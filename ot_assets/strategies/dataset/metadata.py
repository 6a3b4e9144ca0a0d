"""The metadata twin: what users of the releases asked for beside the conversations."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import VERIFIED
from ot_assets.strategies.registry import strategy

_COLUMNS = {
    "row_id": "row_id",
    "question_id": "question_id",
    "sample": "sample",
    "domain": "domain",
    "source": "source",
    "problem": "question",
    "ground_truth": "reference",
    "tests": "tests",
    "reasoning": "reasoning",
    "solution": "answer",
    "verdict": "verdict",
    "verdict_by": "verdict_by",
    "verdict_reason": "verdict_reason",
    "model": "model",
    "finish_reason": "finish_reason",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "response_id": "response_id",
    "extra": "extra",
}


@strategy(stage="dataset", version=1, needs=("row_id", "question_id", "question"))
def metadata(conversations: pl.LazyFrame, *, released: pl.LazyFrame) -> pl.LazyFrame:
    """One row a released row: problem, ground truth, tests, reasoning, solution, verdict, and where it comes from.

    In: formatted rows of all tracks, and the released dataset (its `row_id`). Out: the columns above, null where a
    track did not make them, in the dataset's order. OpenThoughts-114k added such a configuration after its users asked;
    OpenThoughts3 released neither ids nor ground truth.
    """
    names = conversations.collect_schema().names()
    present = conversations.join(released.select("row_id"), on="row_id", how="semi", maintain_order="left")
    return present.select(
        (pl.col(old) if old in names else pl.lit(None, VERIFIED.get(old, pl.String))).alias(new)
        for new, old in _COLUMNS.items()
    )
