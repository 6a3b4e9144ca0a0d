"""The frames that a strategy and its checks are given, of the versions that a table is made from."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import SCORE
from ot_assets.recipes.plan import Key, Node
from ot_resources.store import Version


def rows(node: Node, versions: dict[Key, Version]) -> pl.LazyFrame:
    """The rows that the strategy is given; of several variants, with a column that tells whose they are."""
    if node.stage != "scoreboard":
        return pl.concat([versions[key].scan() for key in node.inputs], how="diagonal_relaxed")
    none = pl.LazyFrame(schema=SCORE | {"variant": pl.String})
    scores = [versions[key].scan().with_columns(pl.lit(key[1]).alias("variant")) for key in node.inputs]
    return pl.concat([none, *scores], how="diagonal_relaxed")


def tables(node: Node, versions: dict[Key, Version]) -> dict[str, pl.LazyFrame]:
    """The tables that the strategy reads beside its rows."""
    return {
        name: pl.concat([versions[key].scan() for key in keys], how="diagonal_relaxed")
        for name, keys in node.tables.items()
        if name in node.strategy.tables
    }


def asked(node: Node, versions: dict[Key, Version], *kinds: str) -> pl.LazyFrame:
    """The questions that a study asks, of the node's tables `kinds`, which its strategy does not read.

    Columns out: source, question_id, question, reference.
    """
    columns = ("source", "question_id", "question", "reference")
    sets = [versions[key].scan().select(columns) for kind in kinds for key in node.tables.get(kind, ())]
    return pl.concat([pl.LazyFrame(schema=dict.fromkeys(columns, pl.String)), *sets])
