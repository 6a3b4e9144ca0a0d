from __future__ import annotations

import json

import polars as pl

from ot_assets.contracts import QUESTION
from ot_assets.strategies import apply

ANSWERS = pl.DataFrame(
    {
        "row_id": ["a-0", "a-1", "b-0", "c-0", "d-0"],
        "question_id": ["a", "a", "b", "c", "d"],
        "source": ["x", "x", "x", "y", "y"],
        "domain": ["math", "math", "math", "code", "code"],
        "question": ["one", "one", "two", "three", "four"],
        "reference": ["1", "1", "2", None, None],
    }
)
RELEASED = pl.DataFrame({"row_id": ["a-1", "c-0", "d-0"]})


def earlier(**params: object) -> pl.DataFrame:
    kept, dropped = apply("sources.earlier", ANSWERS, released=RELEASED, dataset="before", **params)
    assert dropped.collect().is_empty()
    return kept.collect()


def test_a_question_that_was_released_with_any_answer_is_there_once():
    found = earlier()
    assert dict(found.schema) == QUESTION
    assert found["question_id"].to_list() == ["a", "c", "d"]
    assert found["question"].to_list() == ["one", "three", "four"]


def test_it_goes_by_the_name_of_the_dataset_and_tells_its_own_source():
    found = earlier(recipe="there")
    assert found["source"].to_list() == ["before"] * 3
    assert [json.loads(extra)["source"] for extra in found["extra"]] == ["x", "y", "y"]
    assert found["reference"].null_count() == 3


def test_one_domain():
    assert earlier(domain="code")["question_id"].to_list() == ["c", "d"]
