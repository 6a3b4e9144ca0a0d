"""A fixed number of questions, some of them again where there are too few."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split, strategy

_ROWS = "__rows"
_COPY = "__copy"


@strategy(stage="sample", version=1, needs=())
def upsample(questions: pl.LazyFrame, *, n: Rows, seed: int = 42) -> Split:
    """Exactly `n` questions: the lowest sha256(seed, question_id), or all of them over and over where there are fewer.

    Each of m < n questions comes n // m times, and the n % m lowest hashes once more. The copies follow their original
    and have ids of their own, `<question_id>.2`, `<question_id>.3` ...; everything else is equal, so that a teacher
    which was asked already answers a copy out of the ledger: rows are repeated, as published, and not paid for twice.
    Input order stays. Where there are more than `n`, the others are dropped as `not_sampled`. No questions stay none.

    OpenThoughts3's ablation fills every set to 31,600 rows so (`upsample_dataset`, seed 42: shuffles, then repeats
    the whole from its start).

    Columns in: question_id. Columns out: the same. Counts: kept + dropped is n or the rows that came in.
    """
    ranked = with_rank(questions, rank_key(seed))
    total = questions.select(pl.len().cast(pl.Int64).alias(_ROWS))
    halves = split(
        ranked,
        pl.col(RANK) <= n,
        reason="not_sampled",
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.lit(n).alias("keep"), pl.lit(seed).alias("seed")),
        scratch=(ROW,),
    )
    # m > n gives n // m = 0 and one more for the n lowest: the same rule draws and repeats.
    copies = pl.lit(n) // pl.col(_ROWS) + (pl.col(RANK) <= pl.lit(n) % pl.col(_ROWS)).cast(pl.Int64)
    numbers = pl.int_ranges(1, copies + 1, dtype=pl.Int64)
    repeated = halves.kept.join(total, how="cross", maintain_order="left").with_columns(numbers.alias(_COPY))
    repeated = repeated.explode(_COPY).with_columns(
        pl.when(pl.col(_COPY) > 1)
        .then(pl.format("{}.{}", "question_id", _COPY))
        .otherwise("question_id")
        .alias("question_id")
    )
    return Split(repeated.drop(RANK, _ROWS, _COPY), halves.dropped.drop(RANK))
