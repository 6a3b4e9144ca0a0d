"""What the evidence of a dedup or a decontamination says, counted, against the plainest way to count it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import removals
from tests.strategies.frames import questions


def dropped(*rows: tuple[str, str, dict[str, Any] | str | None]) -> pl.LazyFrame:
    """Removals: id, question, evidence (JSON as it is, where it is text)."""
    told = [json.dumps(row[2]) if isinstance(row[2], dict) else row[2] for row in rows]
    return pl.LazyFrame(
        {"question_id": [row[0] for row in rows], "question": [row[1] for row in rows], "drop_evidence": told},
        schema={"question_id": pl.String, "question": pl.String, "drop_evidence": pl.String},
    ).with_columns(pl.lit("s").alias("source"), pl.lit("duplicate").alias("drop_reason"))


TWINS = pl.LazyFrame(
    {
        "question_id": ["t", "u"],
        "question": ["What is $3 + 4$?", "A long story of a man who ran far, and what is 12 times 3?"],
    }
)
DIFFERENCES = {
    "what is 3+4": removals.SAME,
    r"What is $3\, +\; 4$ ?": removals.SAME,
    "What is $3 + 5$?": removals.NUMBERS,
    "What is $3 - 4$?": removals.WORDS,
    "What was $3 + 4$?": removals.WORDS,
}


def test_removals_are_classed_by_how_they_differ_from_their_twins():
    rows = [(str(n), text, {"twin": "t", "rule": "indel"}) for n, text in enumerate(DIFFERENCES)]
    rows += [("run", "Of a man who ran far", {"twin": "u", "rule": "ngram", "matched": "a man who ran far"})]
    rows += [("gone", "Hello", {"twin": "nobody", "twin_text": "hello"})]
    rows += [("odd", "Hello", "no JSON"), ("null", "Hello", None), ("list", "Hello", "[1]")]  # type: ignore[list-item]
    told = removals.differences(dropped(*rows), TWINS)
    assert told["difference"].to_list() == [
        *DIFFERENCES.values(),
        removals.RUN,
        removals.SAME,
        *[removals.UNKNOWN] * 3,
    ]
    assert removals.counted(Counter(told["difference"])) == (
        "same text 3, only numbers differ 1, shares a run only 1, words differ 2, no twin named 3"
    )


def test_other_numbers_than_the_twins_are_counted():
    rows = [(str(n), text, {"twin": "t", "rule": "indel"}) for n, text in enumerate(DIFFERENCES)]
    lost = dropped(*rows)
    found = removals.number_twins(lost, TWINS, removals.differences(lost, TWINS))
    assert (found.differ, found.looked_at) == (2, 3)
    assert found.first in {("What is $3 + 5$?", "What is $3 + 4$?"), ("What is $3 - 4$?", "What is $3 + 4$?")}
    assert removals.number_twins(dropped(), TWINS, removals.differences(dropped(), TWINS)) == (0, 0, None)


def test_other_digits_are_seen_where_quantities_are_blind(monkeypatch):
    monkeypatch.setattr("ot_assets.similarity.quantities.quantities", lambda text: ())
    texts = ["What was $3 + 5$?", "What was $3 + ₄$?", "What was $3 + four$?", "What was $3 + ④$ of it?"]
    lost = dropped(*((str(n), text, {"twin": "t", "rule": "number_aware"}) for n, text in enumerate(texts)))
    found = removals.number_twins(lost, TWINS, removals.differences(lost, TWINS))
    assert found == (1, 4, ("What was $3 + 5$?", "What is $3 + 4$?"))


def test_a_sample_does_not_hang_on_the_order():
    rows = questions(*(f"text {n}" for n in range(100))).lazy()
    sample = removals.sampled(rows, 7)
    assert sample.height == 7
    assert removals.sampled(rows.reverse(), 7).equals(sample)
    assert removals.sampled(rows, 1000).height == 100
    more = pl.concat([rows, questions("another").with_columns(question_id=pl.lit("new")).lazy()])
    assert len(set(removals.sampled(more, 7)["question_id"]) & set(sample["question_id"])) >= 6


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=40, unique_by=lambda edge: edge[0]))
def test_the_largest_cluster_is_that_of_a_walk_from_row_to_row(edges):
    edges = [(one, twin) for one, twin in edges if twin < one]
    cluster, chained = removals.largest_cluster(dropped(*((str(a), "x", {"twin": str(b)}) for a, b in edges)))
    twin = dict(edges)
    assert chained == sum(b in twin for _, b in edges)
    if not edges:
        assert cluster is None
        return
    ends: Counter[int] = Counter()
    for number in {*twin, *twin.values()}:
        while number in twin:
            number = twin[number]
        ends[number] += 1
    assert cluster is not None
    assert cluster.size == max(ends.values()) == ends[int(cluster.root)]


def test_a_circle_and_a_long_chain_end():
    chain = dropped(*((str(n), "x", {"twin": str(n - 1)}) for n in range(1, 1000)))
    assert removals.largest_cluster(chain) == (("0", 1000), 998)
    cluster, _ = removals.largest_cluster(dropped(("a", "x", {"twin": "b"}), ("b", "x", {"twin": "a"})))
    assert cluster is not None
    assert cluster.root in "ab"


def test_what_took_most_is_counted_by_name_alone():
    """An item may have the id of a row that went for another one."""
    rows = [(str(n), "x", {"twin": "1" if n < 4 else str(n)}) for n in range(1, 9)]
    assert removals.most_taken(dropped(*rows)) == ("1", 3)
    assert removals.most_taken(dropped(("a", "x", {"twin": "2"}), ("b", "x", {"twin": "1"}))) == ("1", 1)
    assert removals.most_taken(dropped(("a", "x", None))) is None


def test_shares_by_source():
    kept = questions("a", "b", source="s").lazy()
    gone = pl.concat([questions("c", source="s"), questions("d", "e", source="t")]).lazy()
    assert removals.by_source(kept, gone).rows() == [("t", 2, 2), ("s", 3, 1)]


def test_boilerplate_is_a_run_that_took_many():
    told = [
        ("What is  the\nsum", "ngram"),
        ("what is the sum", "ngram"),
        ("What is the sum", "indel"),
        ("x", "whole_item"),
    ]
    rows = [(str(n), "x", {"rule": rule, "matched": text}) for n, (text, rule) in enumerate(told)]
    assert removals.boilerplate(dropped(*rows), 2) == [("what is the sum", 2)]
    assert removals.boilerplate(dropped(*rows), 1) == [("what is the sum", 2), ("x", 1)]
    assert removals.boilerplate(dropped(("a", "x", None)), 1) == []
