"""Spot checks of what a rule left and took, beside comparing every pair."""

from __future__ import annotations

from itertools import combinations, product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from ot_assets.strategies.spot_checks import PARTNERS, ROWS, left, took

TEXTS = st.lists(st.text("ab é", max_size=12), max_size=12)
THRESHOLDS = st.sampled_from([50.0, 75.0, 90.0, 100.0])


def frame(texts: list[str], prefix: str = "q") -> pl.LazyFrame:
    ids = [f"{prefix}{number}" for number in range(len(texts))]
    return pl.LazyFrame(
        {"question_id": ids, "question": texts}, schema={"question_id": pl.String, "question": pl.String}
    )


def alike(threshold: float):
    return lambda one, other: fuzz.ratio(one, other) >= threshold


@given(TEXTS, THRESHOLDS)
@settings(max_examples=60, deadline=None)
def test_few_rows_are_all_compared_with_each_other(texts, threshold):
    found = left(frame(texts), None, threshold, alike(threshold))
    there = any(fuzz.ratio(one, other) >= threshold for one, other in combinations(filter(None, texts), 2))
    assert (found.broken is not None) == there
    assert found.broken is None or fuzz.ratio(*found.broken) >= threshold


@given(TEXTS, TEXTS, THRESHOLDS)
@settings(max_examples=60, deadline=None)
def test_few_rows_are_all_compared_with_the_others(texts, items, threshold):
    """One that has the id of a row is another text all the same."""
    found = left(frame(texts), frame(items), threshold, alike(threshold))
    there = any(fuzz.ratio(*pair) >= threshold for pair in product(filter(None, texts), filter(None, items)))
    assert (found.broken is not None) == there


@pytest.mark.parametrize("threshold", [50, 67, 68, 80.5, 93, 94.8])
def test_a_pair_that_is_right_at_the_threshold_is_seen(threshold):
    """Beside texts that differ all over, and one of which the other is the beginning."""
    edits = round(20 * (100 - threshold))
    one, other = ("x" * (1000 - edits // 2) + letter * (edits // 2) for letter in "ab")
    assert fuzz.ratio(one, other) >= threshold
    assert left(frame([one, other]), None, threshold, alike(threshold)).broken is not None
    long, part = "y" * (1000 + edits // 2), "y" * (1000 - edits // 2)
    assert left(frame([long]), frame(["z" * len(part), part]), threshold, alike(threshold)).broken == (long, part)


def test_what_else_the_rule_asks_for_is_asked():
    assert left(frame(["2 apples", "3 apples"]), None, 80, lambda one, other: False).broken is None


def test_of_many_only_some_are_looked_at_but_those_that_begin_alike():
    texts = [f"{n:06} is a number that nobody else in this room has" for n in range(30_000)]
    found = left(frame(texts), None, 100, alike(100))
    assert (found.rows, found.broken) == (ROWS, None)
    assert ROWS * PARTNERS / 2 < found.pairs <= 2 * ROWS * PARTNERS
    again = left(frame(texts + [text + "!" for text in texts]), None, 98, alike(98))
    assert again.broken is not None


def removed(question: str, twin: str, rule: str = "indel") -> pl.LazyFrame:
    row = {"question_id": "r", "question": question, "drop_evidence": f'{{"rule": "{rule}", "twin": "{twin}"}}'}
    return pl.LazyFrame([row])


def test_a_removal_reaches_the_threshold_with_its_twin_or_is_told():
    twins = frame(["What is one?", "Who wrote this?"])
    assert took(removed("What is one?!", "q0"), twins, 90).broken is None
    assert took(removed("What is one?!", "q1"), twins, 90).broken == ("What is one?!", "Who wrote this?")
    assert took(removed("What is one?!", "q0"), twins, 97).broken == ("What is one?!", "What is one?")
    assert took(removed("What is one?!", "gone"), twins, 90).broken == ("What is one?!", "")
    assert took(removed("What is one?!", "q1", rule="ngram"), twins, 90).rows == 0
    assert took(removed("What is one?!", "q0").head(0), twins, 90) == (0, 0, None)
