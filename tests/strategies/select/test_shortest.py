from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions

ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.integers(0, 9), st.none() | st.text("xä", max_size=5), st.text("y", max_size=3)
    ),
    unique_by=lambda row: (row[0], row[1]),
    max_size=15,
)


def frame(rows: list[tuple[str, int, str | None, str]]) -> pl.DataFrame:
    schema = {"question_id": pl.String, "sample": pl.Int64, "reasoning": pl.String, "answer": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(("name", "sign"), [("shortest", 1), ("longest", -1)])
@settings(deadline=None)
@given(rows=ROWS, k=st.integers(1, 4))
def test_k_of_each_question_by_characters_then_sample(name, sign, rows, k):
    kept, dropped = both(f"select.{name}", frame(rows), k=k)
    wanted = set()
    for question in "ab":
        of_it = [row for row in rows if row[0] == question]
        of_it.sort(key=lambda row: (sign * (len(row[2] or "") + len(row[3])), row[1]))
        wanted |= {(row[0], row[1]) for row in of_it[:k]}
    assert kept.select("question_id", "sample").rows() == [row[:2] for row in rows if row[:2] in wanted]
    assert set(dropped["drop_reason"]) <= {f"not_{name}"}


def test_by_tokens():
    answers = questions(
        "a", "a", "a", "a", sample=[0, 1, 2, 3], answer=["long", "x", "y", "z"], completion_tokens=[5, 9, None, 7]
    ).with_columns(pl.lit("q").alias("question_id"))
    kept, dropped = both("select.shortest", answers, k=1, by="tokens")
    assert kept["sample"].to_list() == [0]
    assert dropped["drop_reason"].to_list() == ["not_shortest", "no_tokens", "not_shortest"]
    assert evidence(dropped)[0] == {"length": 9, "rank": 3, "answers": 4, "keep": 1, "by": "tokens"}
    assert both("select.longest", answers, k=2, by="tokens")[0]["sample"].to_list() == [1, 3]
    assert both("select.shortest", answers, k=9, by="tokens")[1]["sample"].to_list() == [2]


def test_tokens_need_their_column():
    with pytest.raises(BadInput, match=r"select\.longest: 'by: tokens' needs the column 'completion_tokens'"):
        apply("select.longest", pl.DataFrame({"answer": ["a"]}), k=1, by="tokens")
