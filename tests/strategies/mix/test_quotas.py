from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.registry import find
from ot_resources.interfaces import BadInput

from ..frames import both, questions

TWO = pl.concat([questions(*"abcdefgh", source="x"), questions(*"ijkl", source="y")]).with_columns(
    pl.col("question").alias("question_id")
)


def test_each_source_gives_its_quota_in_input_order():
    kept, dropped = both("mix.quotas", TWO, quotas={"x": 3, "y": 2})
    assert kept["source"].to_list() == ["x"] * 3 + ["y"] * 2
    assert kept["question"].to_list() == sorted(kept["question"])
    assert set(dropped["drop_reason"]) == {"over_quota"}


def test_null_is_all_and_a_short_source_is_kept_whole():
    kept, _ = both("mix.quotas", TWO, quotas={"x": None, "y": 100})
    assert kept.equals(TWO)


def test_a_source_without_a_quota_is_dropped():
    kept, dropped = both("mix.quotas", TWO, quotas={"x": None})
    assert set(kept["source"]) == {"x"}
    assert dropped["drop_reason"].to_list() == ["no_quota"] * 4


def test_the_order_of_the_rows_does_not_decide():
    turned, _ = both("mix.quotas", TWO.reverse(), quotas={"x": 3, "y": 1})
    kept, _ = both("mix.quotas", TWO, quotas={"x": 3, "y": 1})
    assert set(turned["question_id"]) == set(kept["question_id"])


def test_another_seed_draws_others():
    drawn = {tuple(both("mix.quotas", TWO, quotas={"x": 3, "y": 1}, seed=seed)[0]["question_id"]) for seed in range(5)}
    assert len(drawn) > 1


def test_unknown_source_names_those_that_there_are():
    with pytest.raises(BadInput, match=r"no rows of the source 'z'; there is: x, y"):
        apply("mix.quotas", TWO, quotas={"z": 3})


def test_quotas_count_rows_at_full_size():
    assert find("mix", "quotas").scaled == {"quotas"}


def test_none_keeps_all():
    assert both("mix.none", TWO)[0].equals(TWO)


def test_the_original_took_the_first_rows_of_each_source():
    frame = pl.concat([questions(*"abcdefgh", source="s"), questions(*"ijklmnop", source="t")])
    frame = frame.with_columns(pl.col("question").alias("question_id"))
    kept, _ = both("mix.quotas", frame, quotas={"s": 2, "t": 3}, compat="first_rows")
    assert kept["question"].to_list() == ["a", "b", "i", "j", "k"]
