from __future__ import annotations

import json

import polars as pl

from ot_assets.strategies import apply

from ..frames import collected

ANSWERS = pl.DataFrame(
    {
        "question_id": ["a", "a", "b", "a", "b"],
        "sample": [2, 0, 1, 5, 3],
        "answer": list("vwxyz"),
    }
)


def test_the_lowest_samples_stay_in_input_order_and_the_others_say_their_place():
    kept, dropped = collected(apply("select.first", ANSWERS, k=2))
    assert kept.select("question_id", "sample").rows() == [("a", 2), ("a", 0), ("b", 1), ("b", 3)]
    assert dropped["drop_reason"].to_list() == ["later_sample"]
    assert json.loads(dropped["drop_evidence"][0]) == {"sample": 5, "place": 3, "keep": 2}


def test_one_a_question():
    kept, dropped = collected(apply("select.first", ANSWERS))
    assert kept["answer"].to_list() == ["w", "x"]
    assert len(dropped) == 3
