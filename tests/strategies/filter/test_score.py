from __future__ import annotations

import json

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions


def test_the_highest_numbers_stay():
    kept, dropped = both("filter.score", questions("a", "b", "c", difficulty=[3, 9, None]), column="difficulty", keep=1)
    assert kept.select("question", "difficulty", "score").rows() == [("b", 9, 9.0)]
    assert dropped["drop_reason"].to_list() == ["low_score", "no_score"]
    assert evidence(dropped)[0] == {
        "score": 3.0,
        "rank": 2,
        "keep": 1,
        "cutoff": 9.0,
        "at_least": None,
        "error": None,
        "column": "difficulty",
    }


def test_a_number_in_the_extra():
    told = [5, "7.5", "hard", None, True, float("inf"), 6]
    extra = [json.dumps({"a": {"b c": value}}) for value in told] + [None, "not json"]
    frame = questions(*"abcdefghi", extra=extra)
    kept, dropped = both("filter.score", frame, column="extra.a.b c", at_least=0)
    assert dict(zip(kept["question"], kept["score"], strict=True)) == {"a": 5, "b": 7.5, "g": 6}
    assert set(dropped["drop_reason"]) == {"no_score"}


def test_the_lowest_within_limits():
    frame = questions(*"abcde", n=[1, 2, 3, 4, 9])
    kept, dropped = both("filter.score", frame, column="n", lowest=True, at_least=2, at_most=8, keep=2)
    assert kept["n"].to_list() == [2, 3]
    assert list(zip(dropped["n"], dropped["drop_reason"], strict=True)) == [
        (1, "low_score"),
        (4, "high_score"),
        (9, "high_score"),
    ]


def test_quotas_by_source():
    frame = pl.concat([questions(*"abc", source="x", n=[1, 2, 3]), questions(*"de", source="y", n=[8, 9])])
    kept, _ = both("filter.score", frame, column="n", keep={"x": 2, "y": 1})
    assert kept["n"].to_list() == [2, 3, 9]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"column": "nope", "keep": 1}, "no column 'nope'; there is: question_id"),
        ({"column": "extra.it's", "keep": 1}, "is no path"),
        ({"column": "extra.", "keep": 1}, "is no path"),
        ({"column": "flags", "keep": 1}, "'flags' is List"),
        ({"column": "extra.n"}, "give 'keep'"),
    ],
)
def test_what_cannot_be_a_score(params, message):
    with pytest.raises(BadInput, match=f"filter.score: .*{message}"):
        apply("filter.score", questions("a", extra=["{}"], flags=[[1]]), **params)
