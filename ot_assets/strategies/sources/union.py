"""All questions of a track's sources, one after the other."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.registry import strategy


@strategy(stage="sources", version=1)
def union(questions: pl.LazyFrame) -> pl.LazyFrame:
    """Keep every question: the caller concatenates the track's sources in the recipe's order.

    Columns in and out: those of a question.
    """
    return questions
