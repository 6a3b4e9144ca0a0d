"""Every question has the same chance."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split, strategy


@strategy(stage="sample", version=1, needs=())
def uniform(questions: pl.LazyFrame, *, n: Rows, seed: int = 42, compat: Literal["first_rows"] | None = None) -> Split:
    """Keep the `n` questions with the lowest sha256(seed, question_id); input order stays.

    Fewer than `n` questions are all kept: the dataset's quota check reports the shortage. The others are dropped as
    `not_sampled`.

    OpenThoughts3 samples 53,125 / 15,625 / 6,250 questions of math / code / science, a sixteenth of 850k / 250k /
    100k rows. The original `uniform_sample_limited` forgets that `shuffle` is not in place and takes the first rows:
    `compat: first_rows` does so too, for the sets that were made with it (most of the ablation's source configs).

    Columns in: question_id. Columns out: the same.
    """
    return split(
        with_rank(questions, rank_key(seed) if compat is None else pl.lit("")),
        pl.col(RANK) <= n,
        reason="not_sampled",
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.lit(n).alias("keep"), pl.lit(seed).alias("seed")),
        scratch=(ROW, RANK),
    )
