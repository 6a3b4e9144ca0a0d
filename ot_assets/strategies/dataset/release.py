"""The released rows: the tracks' conversations, cut to the quotas."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.ranking import rank_key
from ot_assets.strategies.registry import Split, strategy

_ALL = 2**62


@strategy(stage="dataset", version=1, needs=("row_id", "question_id", "sample", "domain", "conversations"))
def release(conversations: pl.LazyFrame, *, rows: dict[str, Rows | None] | None, columns: list[str]) -> Split:
    """Cut each domain to its quota and keep the published columns.

    In: formatted rows of all tracks. Out: `row_id` and `columns`, in input order. With quotas (`rows`, by domain; null
    for all of a domain), the
    rows of the smallest (hash of question_id, sample) stay, so that a new question displaces at most its own share; the
    rest is dropped as `over_quota`, and a domain without a quota as `no_quota`. OpenThoughts3 released
    850,000 math, 250,000 code and 100,000 science rows.
    """
    published = ["row_id", *[column for column in columns if column != "row_id"]]
    if rows is None:
        return Split(conversations.select(published), _dropped(conversations.clear()))
    # Ranking needs few columns; the conversations themselves are only streamed past the chosen ids.
    ranked = (
        conversations.select("row_id", "domain", "sample", rank_key(0).alias("rank"))
        .sort("rank", "sample", maintain_order=True)
        .with_columns(pl.int_range(pl.len()).over("domain").alias("position"))
    )
    limits = {domain: _ALL if n is None else n for domain, n in rows.items()}
    quota = pl.col("domain").replace_strict(limits, default=None, return_dtype=pl.Int64)
    ranked = ranked.select("row_id", "position", quota.alias("quota"))
    kept = ranked.filter(pl.col("position") < pl.col("quota")).select("row_id")
    left = conversations.join(ranked, on="row_id", how="inner", maintain_order="left")
    left = left.filter((pl.col("position") >= pl.col("quota")).fill_null(True))
    return Split(
        conversations.join(kept, on="row_id", how="semi", maintain_order="left").select(published), _dropped(left)
    )


def _dropped(rows: pl.LazyFrame) -> pl.LazyFrame:
    names = rows.collect_schema().names()
    if "quota" not in names:
        rows = rows.with_columns(pl.lit(None, pl.Int64).alias("quota"), pl.lit(None, pl.Int64).alias("position"))
    reason = pl.when(pl.col("quota").is_null()).then(pl.lit("no_quota")).otherwise(pl.lit("over_quota"))
    evidence = pl.struct("quota", rank="position").struct.json_encode()
    return rows.select(
        "row_id", "question_id", "sample", "domain", reason.alias("drop_reason"), evidence.alias("drop_evidence")
    )
