"""Places among answers: which one comes first, by keys that the answers themselves carry."""

from __future__ import annotations

import hashlib

import polars as pl

from ot_assets.strategies.ranking import RANK, ROW

SIZE = "__size"


def with_place(answers: pl.LazyFrame, *order: pl.Expr, within: str | None = None) -> pl.LazyFrame:
    """`answers` in their order with `__row`, `__rank` (from 1, in rising `order`) and `__size`, how many are ranked.

    With `within`, ranks and sizes are those among rows of the same value. Of answers whose keys are all equal the
    earlier comes first; one with a null key comes last. Only the keys are held in memory.
    """
    numbered = answers.with_row_index(ROW)
    keys = {f"__key{place}": key for place, key in enumerate(order)}
    narrow = numbered.select(ROW, *(key.alias(name) for name, key in keys.items()), *([within] if within else []))
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    size = pl.len().cast(pl.Int64)
    places = narrow.sort(*keys, ROW, nulls_last=True).select(
        ROW,
        (place.over(within) if within else place).alias(RANK),
        (size.over(within) if within else size).alias(SIZE),
    )
    return numbered.join(places, on=ROW, how="left", maintain_order="left")


def answer_key(seed: int) -> pl.Expr:
    """The first 16 hex digits of sha256("seed:question_id-sample"). Columns in: question_id, sample."""

    def digest(ids: pl.Series) -> pl.Series:
        hashes = [hashlib.sha256(f"{seed}:{answer}".encode()).hexdigest()[:16] for answer in ids]
        return pl.Series(ids.name, hashes, dtype=pl.String)

    answer = pl.format("{}-{}", pl.col("question_id").cast(pl.String).fill_null(""), "sample")
    return answer.map_batches(digest, return_dtype=pl.String, is_elementwise=True)
