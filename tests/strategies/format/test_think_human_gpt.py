from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply

EXTRA = '{"difficulty": 3}'


def difficulty(**columns) -> list[int | None]:
    rows = {"question": ["q", "r"], "sample": [0, 0], "reasoning": ["t", "t"], "answer": ["a", "a"]}
    kept = apply("format.think_human_gpt", pl.DataFrame(rows | columns)).kept.collect()
    assert kept.schema["difficulty"] == pl.Int64
    return kept["difficulty"].to_list()


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ({}, [None, None]),
        ({"extra": [EXTRA, '{"difficulty": "hard"}']}, [3, None]),
        ({"difficulty": [7, 8]}, [7, 8]),
        ({"difficulty": [7, None], "extra": [EXTRA, EXTRA]}, [7, 3]),
        ({"difficulty": [None, None], "extra": [EXTRA, None]}, [3, None]),
        ({"difficulty": ["easy", "hard"], "extra": [EXTRA, None]}, [3, None]),
        ({"difficulty": [2.5, 3.5]}, [None, None]),
    ],
)
def test_a_column_of_difficulties_comes_before_what_the_source_told(columns, wanted):
    assert difficulty(**columns) == wanted
