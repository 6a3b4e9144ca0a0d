"""Orders that decide who stays: a stable pseudo-random one, and ranks in any order.

A row's place in the random order depends on the seed and on its own id alone, so that an added row disturbs only
itself: of those drawn before, at most the last one gives way.
"""

from __future__ import annotations

import hashlib

import polars as pl

ROW = "__row"
RANK = "__rank"
_KEY = "__key"


def rank_key(seed: int, column: str = "question_id") -> pl.Expr:
    """The first 16 hex digits of sha256("seed:question_id"). Column in: question_id, or another that has the ids."""

    def digest(ids: pl.Series) -> pl.Series:
        hashes = [hashlib.sha256(f"{seed}:{question_id}".encode()).hexdigest()[:16] for question_id in ids]
        return pl.Series(ids.name, hashes, dtype=pl.String)

    return pl.col(column).cast(pl.String).map_batches(digest, return_dtype=pl.String, is_elementwise=True)


def with_rank(rows: pl.LazyFrame, key: pl.Expr, *, within: str | None = None, descending: bool = False) -> pl.LazyFrame:
    """`rows` in their order with `__row` (from 0) and `__rank` (1 comes first; of equal keys the earlier row).

    Ranks run within each value of the column `within`, if it is given. Rows without a key come last. Only the key and
    that column are held in memory; the rows themselves stream past.
    """
    numbered = rows.with_row_index(ROW)
    narrow = numbered.select(ROW, key.alias(_KEY), *([within] if within else []))
    ordered = narrow.sort(_KEY, ROW, descending=[descending, False], nulls_last=True)
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    ranks = ordered.select(ROW, (place.over(within) if within else place).alias(RANK))
    return numbered.join(ranks, on=ROW, how="left", maintain_order="left")
