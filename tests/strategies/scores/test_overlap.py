from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies.prompts import BOXED, STDIN
from ot_assets.strategies.scores.overlap import overlaps

BENCHMARK = pl.LazyFrame(
    {
        "source": ["aime24", "mbpp"],
        "question_id": ["a7", "m1"],
        "question": ["What is  2 + 2 in café?", "Add two numbers."],
    }
)


@pytest.mark.parametrize(
    ("said", "benchmark"),
    [
        ("what is 2 + 2 in CAFE\u0301?", "aime24"),
        (f"{BOXED}\n\nWhat is 2 + 2\nin café?", "aime24"),
        (f"{STDIN}\n\nAdd two numbers.", "mbpp"),
        ("What is 2 + 3 in café?", None),
        ("Put your answer in a box.\n\nAdd two numbers.", None),
    ],
)
@pytest.mark.parametrize("column", ["question", "conversations"])
def test_a_benchmark_question_among_the_rows_is_found(said, benchmark, column):
    turns = [[{"from": "system", "value": "Think."}, {"from": "human", "value": said}, {"from": "gpt", "value": "4"}]]
    rows = pl.LazyFrame({"row_id": ["r"], column: [said] if column == "question" else turns})
    found = overlaps(rows, BENCHMARK)
    assert [(hit.benchmark, hit.row_id) for hit in found] == ([(benchmark, "r")] if benchmark else [])
