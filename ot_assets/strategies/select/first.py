"""The first answers of each question."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy

_PLACE = "__place"


@strategy(stage="select", version=1, name="first", needs=("question_id", "sample"))
def first(answers: pl.LazyFrame, *, k: Annotated[int, Field(ge=1)] = 1) -> Split:
    """Keep the `k` answers of each question with the lowest sample numbers; drop the others as `later_sample`.

    OpenThoughts2 answered three copies of each new question and then removed duplicates among the questions
    (fuzz.ratio >= 95 in its *_combine.yaml), which leaves one answer of three.

    Columns in: question_id, sample. Columns out: the same.
    """
    place = pl.col("sample").rank("ordinal").over("question_id")
    return split(
        answers.with_columns(place.cast(pl.Int64).alias(_PLACE)),
        pl.col(_PLACE) <= k,
        reason="later_sample",
        evidence=pl.struct(pl.col("sample"), pl.col(_PLACE).alias("place"), pl.lit(k).alias("keep")),
        scratch=(_PLACE,),
    )
