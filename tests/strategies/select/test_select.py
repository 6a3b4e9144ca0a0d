from __future__ import annotations

import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions

ANSWERS = questions(
    *"abcd",
    sample=[0, 0, 0, 0],
    answer=list("wxyz"),
    verdict=["right", "wrong", "timeout", None],
    verdict_reason=["equal", "3 is not 4", "over 4 s", None],
)


def test_all_keeps_every_verdict():
    assert both("select.all", ANSWERS)[0].equals(ANSWERS)


def test_verified_keeps_what_is_right():
    kept, dropped = both("select.verified", ANSWERS)
    assert kept["question_id"].to_list() == ["q0"]
    assert dropped["drop_reason"].to_list() == ["verdict_wrong", "verdict_timeout", "verdict_missing"]
    assert evidence(dropped)[0] == {"verdict": "wrong", "verdict_reason": "3 is not 4"}


def test_verified_needs_verdicts():
    with pytest.raises(BadInput, match=r"select\.verified needs the column 'verdict'; the frame has: question_id"):
        apply("select.verified", ANSWERS.drop("verdict"))


def test_verdict_is_enough():
    kept, _ = both("select.verified", ANSWERS.select("verdict", "question_id"))
    assert len(kept) == 1
