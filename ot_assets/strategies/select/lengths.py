"""The shortest or the longest answers of each question."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW
from ot_assets.strategies.registry import Split
from ot_assets.strategies.select.places import SIZE, with_place
from ot_resources.interfaces import BadInput

Unit = Literal["characters", "tokens"]

_LENGTH = "__length"


def by_length(answers: pl.LazyFrame, *, k: int, by: Unit, descending: bool, strategy: str, reason: str) -> Split:
    """Keep the `k` answers of each question that come first by length, of equal ones the lower sample.

    Characters are those of reasoning and answer together; tokens are `completion_tokens`. An answer whose tokens
    nobody counted is dropped as `no_tokens`, the others as `reason`. `strategy` is named in BadInput.
    """
    schema = answers.collect_schema()
    if by == "tokens" and "completion_tokens" not in schema:
        raise BadInput(f"select.{strategy}: 'by: tokens' needs the column 'completion_tokens'")
    measured = answers.with_columns(_length(schema, by).cast(pl.Int64).alias(_LENGTH))
    key = -pl.col(_LENGTH) if descending else pl.col(_LENGTH)
    uncounted = pl.col(_LENGTH).is_null()
    return split(
        with_place(measured, key, pl.col("sample"), within="question_id"),
        ~uncounted & (pl.col(RANK) <= k),
        reason=pl.when(uncounted).then(pl.lit("no_tokens")).otherwise(pl.lit(reason)),
        evidence=pl.struct(
            pl.col(_LENGTH).alias("length"),
            pl.when(~uncounted).then(pl.col(RANK)).alias("rank"),
            pl.col(SIZE).alias("answers"),
            pl.lit(k).alias("keep"),
            pl.lit(by).alias("by"),
        ),
        scratch=(ROW, RANK, SIZE, _LENGTH),
    )


def _length(schema: pl.Schema, by: Unit) -> pl.Expr:
    if by == "tokens":
        return pl.col("completion_tokens")
    parts = [column for column in ("reasoning", "answer") if column in schema]
    return pl.sum_horizontal(pl.col(part).str.len_chars().fill_null(0).cast(pl.Int64) for part in parts)
