"""The overlaps between real questions and real benchmarks that the shared data's README names."""

from __future__ import annotations

import re

import polars as pl
import pytest

from ot_assets.strategies import apply

from ..frames import collected, evidence, shared

BENCHMARKS = ("math500", "aime24", "amc23", "minerva_math", "olympiadbench")


def normalised(text: str) -> str:
    return re.sub(r"[^0-9a-z]+", " ", text.lower()).strip()


@pytest.fixture(scope="module")
def benchmarks() -> pl.DataFrame:
    return pl.concat(
        pl.read_parquet(shared(f"bench_{name}"), columns=["question"]).select(
            pl.format("{}-{}", pl.lit(name), pl.int_range(pl.len())).alias("question_id"),
            pl.lit(name).alias("source"),
            "question",
        )
        for name in BENCHMARKS
    )


@pytest.mark.parametrize(("name", "at_least"), [("traces_sky_t1_math", 1_100), ("math_simplerl_8k", 3)])
def test_every_question_of_a_benchmark_goes_with_its_twin(name, at_least, benchmarks):
    """Equal up to case, white space and punctuation. 200 other questions beside them, so that not everything goes."""
    known = {normalised(text): text for text in benchmarks["question"]}
    rows = pl.read_parquet(shared(name)).unique("question", keep="first", maintain_order=True)
    overlaps = rows.filter(pl.col("question").map_elements(normalised, return_dtype=pl.String).is_in(list(known)))
    assert len(overlaps) >= at_least
    others = pl.read_parquet(shared("math_gsm8k"), columns=["row_id", "question"]).head(200)
    mixed = pl.concat([overlaps.select("row_id", "question"), others]).rename({"row_id": "question_id"})
    kept, dropped = collected(apply("decontaminate.indel_or_ngram", mixed, against=benchmarks))
    assert set(overlaps["row_id"]) <= set(dropped["question_id"])
    assert len(kept) >= 195
    twins = dict(benchmarks.select("question_id", "question").iter_rows())
    for row, told in zip(dropped.iter_rows(named=True), evidence(dropped), strict=True):
        if row["question_id"] in set(overlaps["row_id"]):
            assert told["rule"] == "indel"
            assert normalised(twins[told["twin"]]) == normalised(row["question"])
