from __future__ import annotations

from collections import Counter

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply

from ..frames import both, collected, evidence, questions

IDS = st.lists(st.text(alphabet="abcdef0123", min_size=1, max_size=6), min_size=1, max_size=20, unique=True)


@settings(deadline=None)
@given(IDS, st.integers(1, 70))
def test_n_rows_with_ids_of_their_own(ids, n):
    frame = pl.DataFrame(
        {"question_id": ids, "question": ids}, schema=dict.fromkeys(("question_id", "question"), pl.String)
    )
    kept, dropped = collected(apply("sample.upsample", frame, n=n))
    assert len(kept) == n
    assert kept["question_id"].n_unique() == n
    assert kept["question"].unique(maintain_order=True).to_list() == [i for i in ids if i in set(kept["question"])]
    times = Counter(kept["question"])
    assert max(times.values()) - min(times.values()) <= 1
    assert len(dropped) == max(len(ids) - n, 0)
    for question, count in times.items():
        of_it = kept.filter(pl.col("question") == question)["question_id"].to_list()
        assert of_it == [question, *(f"{question}.{copy}" for copy in range(2, count + 1))]


@settings(deadline=None)
@given(IDS, st.integers(1, 30))
def test_it_draws_as_uniform_does(ids, n):
    frame = pl.DataFrame({"question_id": ids}, schema={"question_id": pl.String})
    drawn = apply("sample.uniform", frame, n=n).kept.collect()
    kept = apply("sample.upsample", frame, n=n).kept.collect()
    assert kept.filter(pl.col("question_id").is_in(ids)).equals(drawn)


def test_those_not_drawn_are_told_their_rank():
    _, dropped = both("sample.upsample", questions(*"abcde"), n=2)
    assert set(dropped["drop_reason"]) == {"not_sampled"}
    assert sorted(told["rank"] for told in evidence(dropped)) == [3, 4, 5]


def test_no_questions_stay_none():
    kept, dropped = both("sample.upsample", questions(), n=3)
    assert kept.is_empty()
    assert dropped.is_empty()
