from __future__ import annotations

from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import fuzz

from bench.number_aware import changed_numbers, gone, respaced
from ot_assets.similarity.quantities import quantities
from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, evidence, questions, shared

TEXTS = st.lists(
    st.one_of(st.none(), st.lists(st.sampled_from("a b is 1 2 12 + - x".split()), max_size=6).map(" ".join)),
    max_size=20,
)


@settings(deadline=None)
@given(TEXTS, st.sampled_from([50.0, 66.6, 80.0, 90.0, 100.0]))
def test_against_every_pair(texts, threshold):
    kept, dropped = both("dedup.number_aware", questions(*texts), threshold=threshold)
    found = {}
    for later, text in enumerate(texts):
        twins = [
            (fuzz.ratio(text, earlier), -place)
            for place, earlier in enumerate(texts[:later])
            if text is not None
            and earlier is not None
            and fuzz.ratio(text, earlier) >= threshold
            and quantities(text) == quantities(earlier)
        ]
        if twins:
            found[f"q{later}"] = max(twins)
    assert dropped["question_id"].to_list() == list(found)
    assert kept["question_id"].to_list() == [f"q{row}" for row in range(len(texts)) if f"q{row}" not in found]
    told = {row: (record["score"], record["twin"]) for row, record in zip(found, evidence(dropped), strict=True)}
    assert told == {row: (round(score, 4), f"q{-place}") for row, (score, place) in found.items()}


def test_twenty_sums_are_twenty_questions():
    sums = [f"What is the sum of the first {k} positive integers? Give a reason for it." for k in range(10, 30)]
    frame = questions(*sums, sums[3].replace("What is", "What  is"))
    assert len(both("dedup.indel", frame)[0]) == 1
    kept, dropped = both("dedup.number_aware", frame)
    assert kept["question"].to_list() == sums
    assert evidence(dropped) == [
        {
            "twin": "q3", "twin_text": sums[3], "score": 99.3103, "rule": "number_aware", "threshold": 95.0,
            "span": [6, 73], "matched": "is the sum of the first 13 positive integers? Give a reason for it.",
        }
    ]  # fmt: skip
    assert set(dropped["drop_reason"]) == {"near_duplicate"}


def test_an_operator_or_a_unit_makes_another_question():
    texts = [
        "How far does a train go in 3 hours at a speed of 80 km an hour, if it never stops on the way?",
        "How far does a train go in 3 hours at a speed of 80 m an hour, if it never stops on the way?",
        "How far does a train go in 3 hours at a speed of 80 km an hour,  if it never stops on the way",
        "For which values of $x$ is the expression $x^2 + 3x - 4$ smaller than zero? Give them all.",
        "For which values of $x$ is the expression $x^2 - 3x - 4$ smaller than zero? Give them all.",
        "For which values of $x$ is the expression $x^{2} + 3x - 4$ smaller than zero? Give them all!",
    ]
    kept, _ = both("dedup.number_aware", questions(*texts))
    assert kept["question_id"].to_list() == ["q0", "q1", "q3", "q4"]


def test_what_is_grouped_or_asked_for_makes_another_question():
    lead = "A pupil who was ill for a week has to catch up, and is given this by a friend, who has it from the board: "
    texts = [
        r"simplify $\sqrt{x+1}$",
        r"simplify $\sqrt{x}+1$",
        r"simplify $ \sqrt{ x + 1 } $",
        "find x",
        "find y",
        "find  y.",
        "how much is log₂ 8",
        "how much is log₃ 8",
    ]
    kept, _ = both("dedup.number_aware", questions(*(lead + text for text in texts)))
    assert kept["question_id"].to_list() == ["q0", "q1", "q3", "q4", "q6", "q7"]


@pytest.mark.parametrize(
    ("one", "other", "copy"),
    [
        ("find 𝑥", "find 𝑦", "find  𝑥."),
        ("count the functions from ℤ", "count the functions from ℝ", "count the functions, from ℤ"),
        ("say when a =\u0338 b", "say when a = b", "say when a ≠ b"),
        ("negate ¬p → q", "negate p → q", "negate ¬ p  → q"),
        ("negate ~p → q", "negate p → q", "negate ~p  → q"),
        ("draw a ♠", "draw a ♥", "draw a  ♠!"),
        ('how long are 5" of it', "how long are 5' of it", "how long are 5″ of it"),
        ("how much are 35‰ of it", "how much are 35 of it", "how much are  35 ‰ of it"),
        ("add 🍎 and 🍎", "add 🍎 and 🍌", "add 🍎 and\n🍎"),
    ],
)
def test_a_sign_makes_another_question(one, other, copy):
    lead = "A pupil who was ill for a week has to catch up, and is given this by a friend, who has it from the board: "
    kept, _ = both("dedup.number_aware", questions(lead + one, lead + other, lead + copy))
    assert kept["question_id"].to_list() == ["q0", "q1"]


def test_the_order_decides_who_stays():
    frame = questions("the sum of 3 and 4 is asked for", "the sum of 3 and 4 is asked for.", score=[1, 2])
    kept, dropped = both("dedup.number_aware", frame, order=["-score"])
    assert kept["question_id"].to_list() == ["q1"]
    assert evidence(dropped)[0]["twin"] == "q1"


def test_odd_rows():
    huge = "Find x where x = " + "3 + 4 - " * 600_000
    frame = questions(None, "", " ", "", huge, "3 + 4 - " * 50, huge, "3 + 4 - " * 50 + " ")
    kept, dropped = both("dedup.number_aware", frame)
    assert kept["question_id"].to_list() == ["q0", "q1", "q2", "q4", "q5"]
    assert [record["twin"] for record in evidence(dropped)] == ["q1", "q4", "q5"]
    assert all(len(told) < 2_000 for told in dropped["drop_evidence"])


@pytest.mark.parametrize("threshold", [0, 101, "high"])
def test_a_threshold_out_of_range(threshold):
    with pytest.raises(BadInput, match=r"dedup\.number_aware: 'threshold': "):
        apply("dedup.number_aware", questions("a"), threshold=threshold)


OWN = [
    "Ada has {a} boxes of {b} keys and {c} loose keys, and gives a few away. How many keys has she in total?",
    "What is the remainder of ${a} \\times {b} + {c}$, when it is divided by 7? Show every step that you take.",
    "A train needs {a} hours and {b} minutes for {c} km, with a stop. At what speed does it go, on average?",
    "Find all real numbers $x$ with $\\frac{{x}}{{{a}}} \\le {b}$ and $x^2 - {c}=0$, in any order, and say why.",
    "The mean of {a}, {b} and {c} is asked for, and so is their product. Which (of the two) is larger, and why?",
]


def own() -> list[str]:
    """Our own wordings, each with many numbers: near twins of each other, all of them."""
    random = Random(1)
    drawn = [[random.randint(2, 99), random.randint(2, 99), random.randint(2, 999)] for _ in range(200)]
    return [text.format(a=a, b=b, c=c) for a, b, c in drawn for text in OWN]


def real() -> list[str]:
    frames = [pl.read_parquet(shared(name), columns=["question"]) for name in ("math_hendrycks_train", "math_gsm8k")]
    return [text for text in pl.concat(frames)["question"].unique(maintain_order=True) if 60 <= len(text) <= 1000]


@pytest.mark.parametrize("texts", [own, real])
def test_a_thousand_number_only_variants_stay(texts):
    variants = changed_numbers(texts(), 1000, seed=5)
    assert gone("dedup.indel", variants) == 1000
    assert gone("dedup.number_aware", variants) == 0


@pytest.mark.parametrize("texts", [own, real])
def test_a_thousand_variants_of_spacing_and_punctuation_go(texts):
    variants = respaced(texts(), 1000, seed=5)
    assert gone("dedup.number_aware", variants) == 1000
