from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, questions


def test_keeps_a_number_in_input_order():
    kept, dropped = both("filter.random", questions(*"abcdefgh"), keep=3)
    assert kept["question_id"].to_list() == sorted(kept["question_id"])
    assert len(kept) == 3
    assert set(dropped["drop_reason"]) == {"not_drawn"}


def test_per_source_applies_to_each():
    frame = pl.concat([questions(*"abc", source="x"), questions(*"de", source="y")]).with_columns(
        pl.col("question").alias("question_id")
    )
    kept, _ = both("filter.random", frame, keep=1, per_source=True)
    assert kept["source"].to_list() == ["x", "y"]


def test_per_source_needs_the_column():
    with pytest.raises(BadInput, match="needs the column 'source'"):
        apply("filter.random", pl.DataFrame({"question": ["a"]}), keep=1, per_source=True)


@pytest.mark.parametrize("stage", ["filter", "dedup", "decontaminate"])
def test_none_needs_a_reason(stage):
    frame = questions(*"ab")
    assert both(f"{stage}.none", frame, reason="practice run")[0].equals(frame)
    with pytest.raises(BadInput, match="'reason': field required"):
        apply(f"{stage}.none", frame)
    with pytest.raises(BadInput, match="'reason': string should have at least 1 character"):
        apply(f"{stage}.none", frame, reason="")
