from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput
from tests.strategies.frames import both

ANSWERS = pl.DataFrame(
    {
        "question_id": ["a", "b", "c", "d", "e"],
        "sample": [0, 0, 0, 0, 0],
        "answer": ["1", "2", "3", "4", "5"],
        "verdict": ["right", "wrong", None, "unparsed", "wrong"],
    }
)


@pytest.mark.parametrize(
    ("keep", "ids"),
    [(["wrong"], ["b", "e"]), (["right", "missing"], ["a", "c"]), (["wrong", "unparsed"], ["b", "d", "e"])],
)
def test_answers_are_kept_by_their_verdict(keep, ids):
    kept, dropped = both("select.verdict", ANSWERS, keep=keep)
    assert kept["question_id"].to_list() == ids
    assert set(dropped["drop_reason"]) == {
        f"verdict_{said or 'missing'}" for said in ANSWERS["verdict"] if (said or "missing") not in keep
    }


def test_a_verdict_that_there_is_not_is_refused():
    with pytest.raises(BadInput, match=r"select.verdict: 'keep.0'"):
        apply("select.verdict", ANSWERS, keep=["false"])
