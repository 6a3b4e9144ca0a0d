"""A fixed number of questions from each source."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

_QUOTA = "__quota"
_ALL = 2**62


@strategy(stage="mix", version=1, needs=("source",))
def quotas(
    questions: pl.LazyFrame,
    *,
    quotas: dict[str, Rows | None],
    seed: int = 42,
    compat: Literal["first_rows"] | None = None,
) -> Split:
    """Draw `quotas[source]` questions of each source, all of them where the quota is null; input order stays.

    The rows with the lowest sha256(seed, question_id) are drawn. A source that is shorter than its quota is kept
    whole. Rows are dropped as `over_quota`, or as `no_quota` where their source is not in `quotas`.

    OpenThoughts3 mixes the best N sources of a domain in equal shares of 31,600 / N rows, N in 1, 2, 4, 8, 16
    (paper, table 3): for code the top 2 win (41.3 on average, top 1 39.9, top 16 36.4).
    Its `uniform_sample_limited` shuffles without effect and takes the first rows of a source; `compat: first_rows`
    does so too.

    Columns in: question_id, source. Columns out: the same. BadInput: a quota for a source that no row has.
    """
    present = questions.select(pl.col("source").unique()).collect()["source"].drop_nulls().sort().to_list()
    for name in quotas:
        if name not in present:
            raise BadInput(f"mix.quotas: 'quotas': no rows of the source '{name}'; there is: {', '.join(present)}")
    limits = {name: _ALL if rows is None else rows for name, rows in quotas.items()}
    quota = pl.col("source").replace_strict(limits, default=None, return_dtype=pl.Int64)
    key = rank_key(seed) if compat is None else pl.lit("")
    ranked = with_rank(questions, key, within="source").with_columns(quota.alias(_QUOTA))
    return split(
        ranked,
        pl.col(RANK) <= pl.col(_QUOTA),
        reason=pl.when(pl.col(_QUOTA).is_null()).then(pl.lit("no_quota")).otherwise(pl.lit("over_quota")),
        evidence=pl.struct(pl.col(RANK).alias("rank"), pl.col(_QUOTA).alias("keep"), pl.lit(seed).alias("seed")),
        scratch=(ROW, RANK, _QUOTA),
    )
