"""So many tokens of answers: what a student's training costs is counted in these, not in rows."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.cell.budgets import OVER
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

_SUM = "__sum"


@strategy(stage="cell", version=1, needs=("row_id", "completion_tokens"))
def tokens(conversations: pl.LazyFrame, *, n: Rows, seed: int = 42) -> Split:
    """Keep conversations in the order of sha256(seed, row_id) as long as their answers have `n` tokens at most.

    Tokens are those that the teacher wrote (`completion_tokens`). The cell ends before the first answer that would
    go beyond `n`; where all answers together have fewer, the check `cell_filled` fails. Longer reasoning then means
    fewer rows, not a longer training.

    Columns in: row_id, completion_tokens (in every row, else BadInput). Columns out: the same. Dropped: `over_budget`.
    """
    unknown = conversations.select(pl.col("completion_tokens").is_null().sum()).collect(engine="streaming").item()
    if unknown:
        raise BadInput(
            f"cell.tokens: {unknown:,} rows do not tell their completion_tokens (imported answers, say); use rows"
        )
    ranked = with_rank(conversations, rank_key(seed, "row_id"))
    sums = ranked.select(ROW, RANK, "completion_tokens").sort(RANK)
    sums = sums.select(ROW, pl.col("completion_tokens").cum_sum().alias(_SUM))
    return split(
        ranked.join(sums, on=ROW, how="left", maintain_order="left"),
        pl.col(_SUM) <= n,
        reason=OVER,
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.col(_SUM).alias("tokens"), pl.lit(n).alias("budget")),
        scratch=(ROW, RANK, _SUM),
    )
