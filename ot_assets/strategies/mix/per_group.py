"""The same number of questions from each group, such as a topic."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key, with_rank
from ot_assets.strategies.registry import Split, strategy

_GROUP = "__group"
# no quotes and no backslashes: it stands in a path
_NAME = r"^[^'\"\\\[\]]+$"


@strategy(stage="mix", version=1, needs=("source", "extra"))
def per_group(
    questions: pl.LazyFrame, *, by: Annotated[str, Field(pattern=_NAME)], n: Annotated[int, Field(ge=1)], seed: int = 42
) -> Split:
    """Draw `n` questions of each source and value of `extra.<by>`; input order stays.

    Those with the lowest sha256(seed, question_id) are drawn, the others dropped as `group_full`; questions without the
    value are a group of their own. `n` does not grow with the scale of a run: it is a number a group.

    OpenThoughts-114k draws 2 random rows of each sub-topic of CAMEL's physics, chemistry and biology, seed 42 (about 4K
    rows; open-thoughts repository, open_thoughts/science).

    Columns in: question_id, source, extra. Columns out: the same.
    """
    value = pl.col("extra").str.json_path_match(f"$['{by}']").fill_null("")
    grouped = questions.with_columns(pl.concat_str(pl.col("source").fill_null(""), value, separator="\0").alias(_GROUP))
    return split(
        with_rank(grouped, rank_key(seed), within=_GROUP),
        pl.col(RANK) <= n,
        reason="group_full",
        evidence=pl.struct(
            value.alias("value"), pl.col(RANK).alias("rank"), pl.lit(n).alias("keep"), pl.lit(seed).alias("seed")
        ),
        scratch=(ROW, RANK, _GROUP),
    )
