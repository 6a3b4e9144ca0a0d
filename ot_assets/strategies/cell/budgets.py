"""How rows are cut to a budget: in the order of a hash of their ids, so that one more row displaces only the last."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split

OVER = "over_budget"


def first_rows(rows: pl.LazyFrame, n: int, seed: int) -> Split:
    """The `n` rows of the lowest sha256(seed, row_id), in input order; the others are dropped as `over_budget`."""
    return split(
        with_rank(rows, rank_key(seed, "row_id")),
        pl.col(RANK) <= n,
        reason=OVER,
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.lit(n).alias("rows")),
        scratch=(ROW, RANK),
    )
