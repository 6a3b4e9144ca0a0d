from __future__ import annotations

import hashlib

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence

KEYS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), unique=True, max_size=20)


def frame(keys: list[tuple[str, int]]) -> pl.DataFrame:
    rows = pl.DataFrame(keys, schema={"question_id": pl.String, "sample": pl.Int64}, orient="row")
    return rows.with_columns(pl.lit("x").alias("answer"))


def order(keys: list[tuple[str, int]], seed: int) -> list[tuple[str, int]]:
    return sorted(keys, key=lambda key: hashlib.sha256(f"{seed}:{key[0]}-{key[1]}".encode()).hexdigest())


@settings(deadline=None)
@given(KEYS, st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.integers(0, 3))
def test_a_share_of_all_answers(keys, share, seed):
    kept, _ = both("select.random", frame(keys), share=share, seed=seed)
    drawn = set(order(keys, seed)[: int(len(keys) * share + 0.5)])
    assert kept.select("question_id", "sample").rows() == [key for key in keys if key in drawn]


@settings(deadline=None)
@given(KEYS, st.integers(1, 5))
def test_k_of_each_question(keys, k):
    kept, dropped = both("select.random", frame(keys), k=k)
    drawn = {key for question in "abc" for key in order([key for key in keys if key[0] == question], 42)[:k]}
    assert kept.select("question_id", "sample").rows() == [key for key in keys if key in drawn]
    assert all(told["rank"] > k == told["keep"] for told in evidence(dropped))


@pytest.mark.parametrize("params", [{}, {"share": 0.5, "k": 2}])
def test_one_of_the_two_is_given(params):
    with pytest.raises(BadInput, match=r"select\.random: give one of 'share' \(of all answers\) and 'k'"):
        apply("select.random", frame([("a", 0)]), **params)
