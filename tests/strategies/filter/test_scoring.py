from __future__ import annotations

import hashlib
import json
import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies.filter.scoring import keep_best
from ot_resources.interfaces import BadInput

from ..frames import evidence

PLAIN = {"keep": None, "at_least": None, "per_source": False, "seed": 1, "low": "too_low"}


def rows(sources: str) -> pl.LazyFrame:
    ids = [f"q{number}" for number in range(len(sources))]
    return pl.LazyFrame({"question_id": ids, "source": list(sources)}, schema_overrides={"source": pl.String})


def best(sources: str, scores: list[float | None], errors: list[str | None] | None = None, **params):
    table = pl.DataFrame({"good": scores}, schema={"good": pl.Float64})
    if errors is not None:
        table = table.with_columns(pl.Series("__error", errors, dtype=pl.String))
    split = keep_best(rows(sources), table, score="good", **(PLAIN | params))
    kept, dropped = split.kept.collect(), split.dropped.collect()
    assert len(kept) + len(dropped) == len(sources)
    assert kept.columns == ["question_id", "source", "good"]
    return kept, dropped


def twin(sources, scores, keep, at_least, at_most, per_source, seed, in_order, lowest):
    """Which rows stay, in plain Python."""
    stay = []
    for group in sorted(set(sources)) if per_source or isinstance(keep, dict) else [None]:
        members = [i for i, s in enumerate(sources) if group in (None, s) and scores[i] is not None]
        members = [i for i in members if at_least is None or scores[i] >= at_least]
        members = [i for i in members if at_most is None or scores[i] <= at_most]
        members.sort(
            key=lambda i: (
                scores[i] if lowest else -scores[i],
                i if in_order else hashlib.sha256(f"{seed}:q{i}".encode()).hexdigest(),
            )
        )
        limit = keep.get(group, 0) if isinstance(keep, dict) else keep
        stay += members if limit is None else members[:limit]
    return [f"q{i}" for i in sorted(stay)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_twin_keeps_the_same(data):
    sources = data.draw(st.text(alphabet="abc", max_size=14))
    scores = data.draw(st.lists(st.none() | st.integers(0, 4).map(float), min_size=len(sources), max_size=len(sources)))
    at_least, at_most = data.draw(st.tuples(*[st.none() | st.integers(0, 4).map(float)] * 2))
    lowest = data.draw(st.booleans())
    keeps = st.integers(1, 6)
    quotas = st.dictionaries(st.sampled_from(sorted(set(sources))), keeps) if sources else st.nothing()
    keep = data.draw(keeps | quotas if at_least is None and at_most is None else st.none() | keeps | quotas)
    per_source = data.draw(st.booleans()) if keep is not None else False
    compat = data.draw(st.sampled_from([None, "input_order"]))
    seed = data.draw(st.integers(0, 3))
    limits = {"keep": keep, "at_least": at_least, "at_most": at_most, "per_source": per_source}
    kept, dropped = best(sources, scores, **limits, seed=seed, compat=compat, lowest=lowest)
    stay = twin(sources, scores, **limits, seed=seed, in_order=bool(compat), lowest=lowest)
    assert kept["question_id"].to_list() == stay
    for row, told in zip(dropped.to_dicts(), evidence(dropped), strict=True):
        quota = keep.get(row["source"]) if isinstance(keep, dict) else keep
        assert told["keep"] == quota
        missing = scores[int(row["question_id"][1:])] is None
        no_quota = isinstance(keep, dict) and quota is None
        assert row["drop_reason"] == ("judge_failed" if missing else "no_quota" if no_quota else "too_low")
        assert (told["rank"] is None) == missing


def test_evidence_tells_where_the_cut_was():
    _, dropped = best("aaa", [3, 1, 2], keep=2, at_least=2.5, evidence={"model": "m@1"})
    told = {"keep": 2, "cutoff": 3.0, "at_least": 2.5, "error": None, "model": "m@1"}
    assert evidence(dropped) == [told | {"score": 1.0, "rank": 3}, told | {"score": 2.0, "rank": 2}]


def test_the_lowest_within_limits_and_a_reason_of_its_own():
    low = pl.when(pl.col("good") < 2).then(pl.lit("below")).otherwise(pl.lit("rest"))
    kept, dropped = best("aaaa", [1, 4, 3, 2], keep=2, at_least=2, at_most=3.5, lowest=True, low=low)
    assert kept["good"].to_list() == [3, 2]
    assert dropped["drop_reason"].to_list() == ["below", "rest"]
    assert [(told["rank"], told["cutoff"], told["at_most"]) for told in evidence(dropped)] == [(3, 3, 3.5), (4, 3, 3.5)]


def test_a_cut_per_source_has_a_cutoff_per_source():
    _, dropped = best("abab", [1, 8, 2, 9], keep=1, per_source=True)
    assert [told["cutoff"] for told in evidence(dropped)] == [2.0, 9.0]


def test_a_score_beside_an_error_does_not_count():
    kept, dropped = best("aaa", [9, 1, math.nan], ["cut off", None, None], keep=3, failed="no_answer")
    assert kept["question_id"].to_list() == ["q1"]
    assert dropped["drop_reason"].to_list() == ["no_answer", "no_answer"]
    assert [(told["score"], told["error"]) for told in evidence(dropped)] == [(None, "cut off"), (None, "no score")]


def test_ties_do_not_depend_on_the_order_of_rows():
    frame = rows("a" * 40)
    backwards = frame.reverse()
    scores = pl.DataFrame({"good": [7] * 40})
    params = PLAIN | {"keep": 9, "score": "good"}
    forth, back = (set(keep_best(f, scores, **params).kept.collect()["question_id"]) for f in (frame, backwards))
    assert forth == back
    assert forth != {f"q{i}" for i in range(9)}
    assert {f"q{i}" for i in range(9)} == set(
        keep_best(frame, scores, **params, compat="input_order").kept.collect()["question_id"]
    )


def test_more_columns_of_the_scores_come_along():
    scores = pl.DataFrame({"good": [1, 2], "why": ["a", "b"], "__hidden": ["x", "y"]})
    split = keep_best(rows("ss"), scores, score="good", **PLAIN | {"keep": 1, "evidence": {"told": pl.col("__hidden")}})
    assert split.kept.collect().to_dicts() == [{"question_id": "q1", "source": "s", "good": 2, "why": "b"}]
    dropped = split.dropped.collect()
    assert "__hidden" not in dropped.columns
    assert json.loads(dropped["drop_evidence"][0])["told"] == "x"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "give 'keep'"),
        ({"at_least": 1.0, "per_source": True}, "give 'keep'"),
        ({"keep": {"zzz": 1}}, "no rows of the source 'zzz'; there is: a"),
    ],
)
def test_what_cannot_be_cut(params, message):
    with pytest.raises(BadInput, match=message):
        best("aa", [1, 2], **params)


def test_a_cut_per_source_needs_sources():
    frame = pl.LazyFrame({"question_id": ["q"]})
    with pytest.raises(BadInput, match="needs the column 'source'"):
        keep_best(frame, pl.DataFrame({"good": [1]}), score="good", **PLAIN | {"keep": 1, "per_source": True})


def test_scores_that_do_not_fit_the_rows_are_an_error():
    with pytest.raises(RuntimeError, match="1 scores for 2 questions"):
        best("aa", [1], keep=1)
