from __future__ import annotations

from collections import Counter
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.verify import pool
from ot_resources.interfaces import BadInput

from ..frames import both, collected, evidence


def votes(*answers: str | None, question: str = "q") -> pl.DataFrame:
    """The answers of one question; what is no sentence is boxed."""
    texts = [text if text is None or " " in text else rf"so \boxed{{{text}}}" for text in answers]
    return pl.DataFrame(
        {"question_id": [question] * len(texts), "sample": range(len(texts)), "answer": texts},
        schema={"question_id": pl.String, "sample": pl.Int64, "answer": pl.String},
    )


def samples(frame: pl.DataFrame) -> list[int]:
    return frame["sample"].to_list()


def test_all_answers_of_the_largest_class_stay():
    kept, dropped = both("select.majority", votes("0.5", "3", r"\frac{1}{2}", "4", "1/2"))
    assert samples(kept) == [0, 2, 4]
    assert dropped["drop_reason"].to_list() == ["minority"] * 2
    told = {"why": None, "votes": 1, "majority": "0.5", "majority_votes": 3, "answers": 5, "undecided": 0}
    assert evidence(dropped) == [told | {"result": "3"}, told | {"result": "4"}]


def test_algebra_decides_where_numbers_do_not():
    kept, _ = both("select.majority", votes("x^2+2x+1", "x^2", "(x+1)^2", "x^2+1"))
    assert samples(kept) == [0, 2]


def test_equality_is_closed_over_a_third_answer():
    # a percent sign may be read either way, so 50% joins 50 and 0.5, which are not equal
    kept, _ = both("select.majority", votes("50", "7", "0.5", "7", r"50\%"))
    assert samples(kept) == [0, 2, 4]


def test_what_has_no_result_has_no_vote():
    frame = votes("it is 4", None, "", "5" * 2001, "4")
    kept, dropped = both("select.majority", frame)
    assert samples(kept) == [4]
    assert dropped["drop_reason"].to_list() == ["unparsed"] * 4
    assert [told["why"] for told in evidence(dropped)] == [
        r"no \boxed{} in the answer",
        "the answer is empty",
        r"the \boxed{} is empty",
        "the boxed answer has 2001 characters, more than 2000",
    ]


def test_a_question_without_a_result_keeps_nothing():
    kept, dropped = both("select.majority", votes("it is 4", "it is 5"))
    assert kept.is_empty()
    assert evidence(dropped)[0]["majority"] is None


def test_of_ties_the_lowest_sample_wins_in_any_order():
    frame = votes("7", "8", "8", "7")
    assert samples(both("select.majority", frame)[0]) == [0, 3]
    assert samples(both("select.majority", frame.reverse())[0]) == [3, 0]


def test_questions_vote_apart_wherever_their_rows_stand():
    a, b = votes("1", "2", "2", question="a"), votes("1", "2", "1", question="b")
    mixed = pl.concat([a, b]).sort("sample", "question_id")
    kept, _ = both("select.majority", mixed)
    assert kept.select("question_id", "sample").rows() == [("b", 0), ("a", 1), ("a", 2), ("b", 2)]


def test_empty_votes_can_win_as_published():
    frame = votes("it is 4", "4", "it is 5", "4", "it is 6", "5")
    kept, dropped = both("select.majority", frame, compat="empty_votes")
    assert samples(kept) == [0, 2, 4]
    assert set(dropped["drop_reason"]) == {"minority"}
    assert (
        evidence(dropped)[0] | {"result": "4", "votes": 2, "majority": "", "majority_votes": 3} == evidence(dropped)[0]
    )
    assert samples(both("select.majority", frame)[0]) == [1, 3]


def test_with_empty_votes_the_first_of_ties_wins():
    frame = votes("7", "8", "8", "7").reverse()[1:].vstack(votes("7", "8", "8", "7")[3:])
    assert samples(both("select.majority", frame, compat="empty_votes")[0]) == [2, 1]
    assert samples(both("select.majority", frame)[0]) == [0, 3]


def test_a_comparison_that_takes_too_long_is_counted():
    kept, dropped = collected(apply("select.majority", votes("5", "9^{9^{9^{9}}}", "5"), seconds=0.5))
    assert samples(kept) == [0, 2]
    assert evidence(dropped)[0]["undecided"] == 1


def test_without_math_verify_nothing_is_decided(monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "WORKER", tmp_path / "absent.py")
    with pytest.raises(RuntimeError, match=r"select\.majority: math-verify did not start"):
        apply("select.majority", votes("x", "y"))


def test_rows_must_say_which_question_they_answer():
    with pytest.raises(BadInput, match="needs the column 'question_id'"):
        apply("select.majority", votes("1").drop("question_id"))


SPELLINGS = {
    "0.5": Fraction(1, 2),
    r"\frac{1}{2}": Fraction(1, 2),
    "1/2": Fraction(1, 2),
    "x = 0.50": Fraction(1, 2),
    "3": Fraction(3),
    "3.0": Fraction(3),
    "1,000": Fraction(1000),
    "10^3": None,
    "-7": Fraction(-7),
}
NUMBERS = [text for text, value in SPELLINGS.items() if value is not None]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([*NUMBERS, ""])), max_size=14), st.randoms())
def test_it_counts_as_one_does_by_hand(ballots, random):
    frame = pl.DataFrame(
        [(question, number, rf"\boxed{{{text}}}") for number, (question, text) in enumerate(ballots)],
        schema={"question_id": pl.String, "sample": pl.Int64, "answer": pl.String},
        orient="row",
    )
    wanted = set()
    for question in "ab":
        cast = {n: SPELLINGS[text] for n, (asked, text) in enumerate(ballots) if asked == question and text}
        counts = Counter(cast.values())
        if counts:
            most = max(counts.values())
            winner = next(value for _, value in sorted(cast.items()) if counts[value] == most)
            wanted |= {number for number, value in cast.items() if value == winner}
    order = list(range(len(ballots)))
    random.shuffle(order)
    kept = apply("select.majority", frame[order]).kept.collect()
    assert samples(kept) == [number for number in order if number in wanted]
