"""Nothing is compared with a benchmark."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.registry import strategy


@strategy(stage="decontaminate", version=1, needs=())
def none(questions: pl.LazyFrame, *, reason: Annotated[str, Field(min_length=1)]) -> pl.LazyFrame:
    """Nothing is compared with a benchmark. The recipe has to say why.

    Bespoke-Stratos-17k had no decontamination in its code (curator repository, examples/bespoke-stratos).

    Columns in and out: any.
    """
    return questions
