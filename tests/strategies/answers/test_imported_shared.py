"""Real traces from import to conversation, in all three formats: whole ones come through, cut ones are told."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.trace_tags import SOLUTION, THOUGHTS

from ..frames import collected, evidence

FORMATS = ["sky_t1", "think", "think_human_gpt"]
PAIRS = (*THOUGHTS, SOLUTION)


def answers(rows: pl.DataFrame, **imported: pl.Expr) -> pl.DataFrame:
    told = pl.struct(pl.struct(value.alias(field) for field, value in imported.items()).alias("imported"))
    asked = rows.with_columns(pl.col("row_id").alias("question_id"), told.struct.json_encode().alias("extra"))
    kept, dropped = collected(
        apply("answers.imported", asked.drop("sample", "model", "answer", "reasoning", strict=False))
    )
    assert len(kept) + len(dropped) == len(rows)
    return kept


@pytest.fixture(scope="module")
def sky(shared: Path) -> pl.DataFrame:
    """Sky-T1's own outputs, split at its marks."""
    rows = pl.read_parquet(shared / "data" / "traces_sky_t1_math.parquet")
    return answers(rows, answer=pl.col("text"), model=pl.col("model"))


@pytest.fixture(scope="module")
def riddles(shared: Path) -> pl.DataFrame:
    """Outputs of open-weight models, with the reasoning in a column of its own."""
    rows = pl.read_parquet(shared / "data" / "traces_misguided_attention.parquet")
    return answers(rows, answer=pl.col("response"), reasoning=pl.col("reasoning"), model=pl.col("model"))


def said(kept: pl.DataFrame) -> pl.Series:
    return kept["conversations"].list.last().struct.field("value")


def test_what_is_cut_is_found_and_nothing_else(sky):
    thought = sky.filter("has_thought")
    assert set(thought.filter(~pl.col("complete"))["finish_reason"]) == {"length"}
    assert set(thought.filter("complete")["finish_reason"]) == {"stop"}
    assert thought.filter("complete")["reasoning"].null_count() == 0
    assert set(sky.filter(~pl.col("has_thought"))["finish_reason"]) == {"stop"}


@pytest.mark.parametrize("name", FORMATS)
def test_whole_thoughts_become_conversations(sky, name):
    kept, dropped = collected(apply(f"format.{name}", sky.filter("has_thought")))
    assert len(kept) == 650
    assert dropped["drop_reason"].value_counts().rows() == [("truncated", 499)]
    assert {told["rule"] for told in evidence(dropped)} == {"truncated"}
    marks = PAIRS[1:] if name == "sky_t1" else PAIRS[:1]
    for opening, closing in PAIRS:
        times = 1 if (opening, closing) in marks else 0
        assert set(said(kept).str.count_matches(opening, literal=True)) == {times}
        assert set(said(kept).str.count_matches(closing, literal=True)) == {times}


def test_sky_t1_gives_the_text_back_as_it_was_but_for_white_space(sky):
    kept = apply("format.sky_t1", sky.filter("has_thought", "complete")).kept.collect()
    assert said(kept).str.replace_all(r"\s", "").to_list() == kept["text"].str.replace_all(r"\s", "").to_list()


@pytest.mark.parametrize("name", FORMATS)
def test_cut_ones_are_let_through_marked_where_asked(sky, name):
    thought = sky.filter("has_thought")
    kept, dropped = collected(apply(f"format.{name}", thought, keep_truncated=True))
    assert dropped.is_empty()
    assert (kept["truncated"] == ~kept["complete"]).all()
    opened, closed = PAIRS[1] if name == "sky_t1" else PAIRS[0]
    unclosed = kept.filter(pl.col("reasoning").is_null())
    assert len(unclosed) > 400
    assert said(unclosed).str.starts_with(opened).all()
    assert not said(unclosed).str.contains(closed, literal=True).any()


@pytest.mark.parametrize("name", FORMATS)
def test_reasoning_in_its_own_column(riddles, name):
    kept, dropped = collected(apply(f"format.{name}", riddles))
    assert len(kept) + len(dropped) == len(riddles) == 452
    assert dropped.is_empty()
    assert riddles["reasoning"].null_count() == 0
    assert all(reasoning in text for reasoning, text in zip(kept["reasoning"], said(kept), strict=True))
