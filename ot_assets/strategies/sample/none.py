"""All questions that are left go on."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.registry import strategy


@strategy(stage="sample", version=1, needs=())
def none(questions: pl.LazyFrame, *, reason: str = "") -> pl.LazyFrame:
    """All questions that are left go on. `reason` is for the reader of the recipe.

    OpenThoughts-114k annotates all questions that are left after dedup and decontamination.

    Columns in and out: any.
    """
    return questions
