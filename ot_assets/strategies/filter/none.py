"""No question is left out."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.registry import strategy


@strategy(stage="filter", version=1, needs=())
def none(questions: pl.LazyFrame, *, reason: Annotated[str, Field(min_length=1)]) -> pl.LazyFrame:
    """No question is left out. The recipe has to say why.

    Bespoke-Stratos-17k and OpenThoughts-114k answer all questions that pass their source's own rules.

    Columns in and out: any.
    """
    return questions
