from __future__ import annotations

import json

import polars as pl

from ot_assets.contracts import QUESTION
from ot_assets.strategies import apply

from ..frames import collected

ROWS = pl.DataFrame(
    {
        "row_id": ["a-0", "a-1", "b-0", "c-0"],
        "question_id": ["a", "a", "b", "c"],
        "sample": [0, 1, 0, 0],
        "source": ["s", "s", "t", "t"],
        "domain": ["math", "math", "math", "code"],
        "question": ["1+1?", "1+1?", "2+2?", "Print 3."],
        "reference": ["2", "2", "4", None],
        "tests": [None, None, None, "{}"],
        "extra": ['{"level": 1}', '{"level": 1}', None, "{}"],
        "answer": ["2", "two", "4", "print(3)"],
        "reasoning": ["r", None, "q", None],
        "model": ["m"] * 4,
        "verdict": ["right", "wrong", "right", None],
    }
)


def released(*ids: str) -> pl.LazyFrame:
    return pl.LazyFrame({"row_id": list(ids)}, schema={"row_id": pl.String})


def test_questions_keep_their_ids_and_bring_all_their_released_answers():
    kept, dropped = collected(apply("sources.released", ROWS, released=released("a-0", "a-1", "b-0")))
    assert dict(kept.schema) == dict(QUESTION)
    assert kept["question_id"].to_list() == ["a", "b"]
    assert kept["source"].to_list() == ["s", "t"]
    assert dropped.is_empty()
    extra = json.loads(kept["extra"][0])
    assert extra["level"] == 1
    assert extra["imported"] == {"answer": ["2", "two"], "reasoning": ["r", None], "model": ["m", "m"]}
    assert extra["verdict"] == ["right", "wrong"]


def test_the_answers_come_out_again_as_they_were():
    questions = apply("sources.released", ROWS, released=released("a-1", "a-0", "c-0")).kept
    answers = apply("answers.imported", questions).kept.collect().sort("question_id", "sample")
    assert answers.select("question_id", "sample", "answer", "reasoning").rows() == [
        ("a", 0, "2", "r"),
        ("a", 1, "two", None),
        ("c", 0, "print(3)", None),
    ]


def test_what_was_not_released_stays_behind_and_a_domain_may_be_asked_for():
    kept = apply("sources.released", ROWS, released=released("a-1", "c-0")).kept.collect()
    assert json.loads(kept["extra"][0])["imported"]["answer"] == ["two"]
    only = apply("sources.released", ROWS, released=released("a-1", "c-0"), domain="code").kept.collect()
    assert only["question_id"].to_list() == ["c"]
