"""The questions of a released dataset, to be compared with."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import QUESTION
from ot_assets.strategies.registry import strategy


@strategy(stage="sources", version=1, needs=("row_id", "question_id", "source", "domain", "question"))
def earlier(
    conversations: pl.LazyFrame, *, released: pl.LazyFrame, dataset: str, recipe: str = "", domain: str | None = None
) -> pl.LazyFrame:
    """Each question of a released dataset once, for another recipe that must not ask it again.

    In: formatted rows of all tracks of the other recipe, and what it released (its `row_id`); with `domain`, only the
    rows of that one. Out: the columns of a question, with its own id; `source` is `dataset`, so that whoever compares
    tells which dataset the twin is of, and the question's own is `extra.source`. Reference and tests are left behind.

    The configs of OpenThoughts2's successor (herorun3_*) compare with its predecessor so, as with the benchmarks.
    """
    rows = conversations.join(released.select("row_id"), on="row_id", how="semi", maintain_order="left")
    if domain is not None:
        rows = rows.filter(pl.col("domain") == domain)
    asked = rows.select("question_id", "source", "domain", "question").unique("question_id", maintain_order=True)
    return asked.select(
        "question_id",
        pl.lit(dataset).alias("source"),
        "domain",
        "question",
        pl.lit(None, QUESTION["reference"]).alias("reference"),
        pl.lit(None, QUESTION["tests"]).alias("tests"),
        pl.struct("source").struct.json_encode().alias("extra"),
    )
