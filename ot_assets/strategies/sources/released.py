"""The rows of a dataset that was released, as a source of another."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from ot_assets.contracts import QUESTION
from ot_assets.strategies.registry import strategy

_ANSWERS = ("answer", "reasoning", "model", "finish_reason")
_TOLD = ("verdict",)


@strategy(stage="sources", version=1, needs=("row_id", "question_id", "sample", "extra", "answer"))
def released(
    conversations: pl.LazyFrame, *, released: pl.LazyFrame, recipe: str = "", domain: str | None = None
) -> pl.LazyFrame:
    """The questions of a released dataset with their ids, and its answers as `extra.imported`, one a sample.

    In: formatted rows of all tracks of the other recipe, and what it released (its `row_id`); with `domain`, only the
    rows of that one. Out: exactly the columns of a question; question, reference, tests and id are those of the source,
    so that tags, prefixes and system prompts of the other format are left behind. The verdict goes to `extra.verdict`.
    `recipe` names the other recipe in lineage.

    OpenThoughts2 takes the verified rows of OpenThoughts-114k so, retagged and without the boxed prefix
    (open_thoughts_3/dcft/data_strategies/HERO1/hero.py).
    """
    rows = conversations.join(released.select("row_id"), on="row_id", how="semi", maintain_order="left")
    if domain is not None:
        rows = rows.filter(pl.col("domain") == domain)
    names = rows.collect_schema().names()
    told = [name for name in (*_ANSWERS, *_TOLD) if name in names]
    grouped = rows.group_by("question_id", maintain_order=True).agg(
        *(pl.col(name).first() for name in QUESTION if name != "question_id"),
        pl.struct(told).sort_by("sample").alias("answers"),
    )
    extra = pl.struct("extra", "answers").map_batches(_with_answers, return_dtype=pl.String, is_elementwise=True)
    return grouped.with_columns(extra.alias("extra")).select(list(QUESTION))


def _with_answers(rows: pl.Series) -> pl.Series:
    return pl.Series(rows.name, [_extra(row["extra"], row["answers"]) for row in rows], dtype=pl.String)


def _extra(extra: str | None, answers: list[dict[str, Any]]) -> str:
    kept = json.loads(extra or "{}")
    kept["imported"] = {name: [answer.get(name) for answer in answers] for name in _ANSWERS if name in answers[0]}
    kept |= {name: [answer[name] for answer in answers] for name in _TOLD if name in answers[0]}
    return json.dumps(kept, ensure_ascii=False)
