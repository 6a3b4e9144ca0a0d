from __future__ import annotations

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

NUMBERS = questions(*(f"find the prime number {n} and its sum" for n in range(30)))
TABLES = questions(*(f"select the column {n} from a table" for n in range(30)))
SMALL = {"dim": 8, "epochs": 20, "min_count": 1, "buckets": 500, "positives": NUMBERS, "negatives": TABLES}


def test_what_is_like_the_positives_stays():
    frame = questions("a table with a column", "a prime and a sum", None, "the sum of the number")
    kept, dropped = both("filter.fasttext", frame, **SMALL, keep=2)
    assert kept["question_id"].to_list() == ["q1", "q3"]
    assert kept.schema["fasttext_score"] == pl.Float64
    assert dropped["drop_reason"].to_list() == ["unlike_positives", "no_score"]
    table, empty = evidence(dropped)
    assert table["score"] < kept["fasttext_score"].min() == table["cutoff"]
    assert empty["error"] == "no text"


def test_a_threshold_and_a_cut_by_source():
    frame = pl.concat([questions("find a prime", "find its sum", source="x"), questions("a table", source="y")])
    kept, _ = both("filter.fasttext", frame, **SMALL, at_least=0.5)
    assert kept["source"].to_list() == ["x", "x"]
    kept, _ = both("filter.fasttext", frame, **SMALL, keep=1, per_source=True)
    assert kept["source"].to_list() == ["x", "y"]


def test_it_says_what_it_lacks():
    with pytest.raises(BadInput, match="filter.fasttext: give 'keep'"):
        apply("filter.fasttext", questions("a"), **SMALL)
    with pytest.raises(BadInput, match="filter.fasttext: 'negatives': no text"):
        apply("filter.fasttext", questions("a"), **SMALL | {"negatives": questions()}, keep=1)
