"""Strategies that need no model and no comparison read nothing before their result is asked for."""

from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply

ROWS = pl.DataFrame(
    {
        "question_id": ["a", "b"],
        "source": ["s", "s"],
        "question": ["x", "x"],
        "extra": ['{"imported": {"answer": "4"}}', "{}"],
        "sample": [0, 0],
        "reasoning": ["r", "r"],
        "answer": ["4", "4"],
        "verdict": ["right", "wrong"],
    }
)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sources.union", {}),
        ("mix.none", {}),
        ("filter.random", {"keep": 1}),
        ("dedup.none", {"reason": "few"}),
        ("sample.uniform", {"n": 1}),
        ("sample.uniform", {"n": 1, "compat": "first_rows"}),
        ("sample.upsample", {"n": 1}),
        ("answers.imported", {}),
        ("mix.per_group", {"by": "topic", "n": 1}),
        ("select.all", {}),
        ("select.first", {}),
        ("filter.no_proofs", {}),
        ("select.verified", {}),
        ("select.shortest", {"k": 1}),
        ("select.longest", {"k": 1}),
        ("select.random", {"k": 1}),
        ("select.english", {}),
        ("select.no_long_paragraphs", {}),
        ("format.sky_t1", {}),
        ("format.think", {}),
        ("format.think_human_gpt", {}),
    ],
)
def test_nothing_is_read_while_the_plan_is_built(name, params):
    read = []
    frame = ROWS.lazy().map_batches(lambda rows: read.append(1) or rows)
    split = apply(name, frame, **params)
    assert read == []
    kept, dropped = pl.collect_all([split.kept, split.dropped], engine="streaming")
    assert len(kept) + len(dropped) == len(ROWS)
    assert read
