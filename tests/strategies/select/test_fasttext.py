from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 13) and find_spec("floret") is None, reason="floret has no wheel for this Python"
)

GOOD = [f"we check the bounds {n} and loop over the array" for n in range(30)]
BAD = [f"as an assistant {n} here is sample text" for n in range(30)]
ASKED = ["write a program"] * 30
SMALL = {
    "dim": 8,
    "epochs": 30,
    "min_count": 1,
    "buckets": 500,
    "positives": questions(*ASKED, answer=GOOD),
    "negatives": questions(*ASKED, answer=BAD),
}


def answers(*texts: str, reasoning: list[str | None] | None = None) -> pl.DataFrame:
    frame = questions(*["write a program"] * len(texts), answer=list(texts), sample=list(range(len(texts))))
    told = pl.Series("reasoning", reasoning or [None] * len(texts), dtype=pl.String)
    return frame.with_columns(told, pl.lit("q").alias("question_id"))


FRAME = answers("here is sample text", "loop over the array", "the bounds", "as an assistant")


def test_the_best_share_stays_in_input_order():
    kept, dropped = both("select.fasttext", FRAME, **SMALL, share=0.5)
    assert kept["sample"].to_list() == [1, 2]
    assert set(dropped["drop_reason"]) == {"unlike_positives"}
    assert [(told["rank"], told["keep"]) for told in evidence(dropped)] in ([(3, 2), (4, 2)], [(4, 2), (3, 2)])
    assert max(told["score"] for told in evidence(dropped)) < kept["fasttext_score"].min()


def test_a_number_or_a_threshold():
    assert both("select.fasttext", FRAME, **SMALL, keep=1)[0].height == 1
    assert both("select.fasttext", FRAME, **SMALL, at_least=0.5)[0]["sample"].to_list() == [1, 2]
    assert both("select.fasttext", FRAME, **SMALL, keep=3, at_least=0.5)[0]["sample"].to_list() == [1, 2]


def test_the_reasoning_is_read_too():
    frame = answers("4", "4", reasoning=["as an assistant", "loop over the array and check the bounds"])
    assert both("select.fasttext", frame, **SMALL, keep=1)[0]["sample"].to_list() == [1]


def test_ties_are_ordered_by_seed_and_answer():
    frame = answers(*["the bounds"] * 12)
    drawn = [set(both("select.fasttext", f, **SMALL, keep=4)[0]["sample"]) for f in (frame, frame.reverse())]
    assert drawn[0] == drawn[1] != {0, 1, 2, 3}


@pytest.mark.parametrize(
    "given",
    [
        {"reference": GOOD},
        {"extra": [json.dumps({"imported": {"reasoning": text, "answer": "4"}}) for text in GOOD]},
        {"answer": [None] * 30, "reference": GOOD},
    ],
)
def test_a_table_may_bring_its_answers_as_a_source_does(given):
    table = questions(*ASKED).with_columns(pl.Series(name, v, dtype=pl.String) for name, v in given.items())
    kept, _ = both("select.fasttext", FRAME, **SMALL | {"positives": table}, share=0.5)
    assert kept["sample"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"share": 0.5, "keep": 1}, "give one of 'share'"),
        ({}, "give 'share'"),
        ({"keep": 1, "negatives": questions("a")}, "'negatives': the table has no answers"),
        ({"keep": 1, "negatives": questions("a", answer=pl.Series([None], dtype=pl.String))}, "'negatives': no text"),
    ],
)
def test_it_says_what_it_lacks(params, message):
    with pytest.raises(BadInput, match=f"select.fasttext: {message}"):
        apply("select.fasttext", FRAME, **SMALL | params)
