"""Questions that would not leave a model room to answer."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Tokenizer

_TOKENS = "__tokens"


@strategy(stage="filter", version=1)
def question_length(questions: pl.LazyFrame, *, tokenizer: Tokenizer, max_tokens: Annotated[int, Field(ge=1)]) -> Split:
    """Drop questions of more than `max_tokens` tokens as `too_long`. A null question has none.

    OpenThoughts3 drops questions of more than 16,384 tokens of Qwen/QwQ-32B before it deduplicates
    (`filter_out_long_samples` in its final configs, mlfoundations-dev/OpenThoughts3, config/hero_run_3_science.yaml).

    Columns in: question. Columns out: the same.
    """

    def count(texts: pl.Series) -> pl.Series:
        # A token is at least one byte: most questions need not be cut up at all.
        counts = [None if t is None or len(t.encode()) <= max_tokens else len(tokenizer.tokens(t)) for t in texts]
        return pl.Series(texts.name, counts, dtype=pl.Int64)

    counted = pl.col("question").map_batches(count, return_dtype=pl.Int64, is_elementwise=True)
    return split(
        questions.with_columns(counted.alias(_TOKENS)),
        pl.col(_TOKENS).is_null() | (pl.col(_TOKENS) <= max_tokens),
        reason="too_long",
        evidence=pl.struct(
            pl.col(_TOKENS).alias("tokens"), pl.lit(max_tokens).alias("most"), pl.lit(tokenizer.name).alias("tokenizer")
        ),
        scratch=(_TOKENS,),
    )
