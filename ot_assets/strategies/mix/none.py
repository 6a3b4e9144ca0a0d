"""All questions of all sources go on."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.registry import strategy


@strategy(stage="mix", version=1, needs=())
def none(questions: pl.LazyFrame, *, reason: str = "") -> pl.LazyFrame:
    """All questions of all sources go on. `reason` is for the reader of the recipe.

    OpenThoughts3 takes the best source alone for math (paper, section on mixing), so that there is nothing to mix.

    Columns in and out: any.
    """
    return questions
