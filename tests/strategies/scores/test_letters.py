from __future__ import annotations

import pytest

from ot_assets.strategies.scores.letters import are_several, judge_letters
from tests.strategies.fakes import reply
from tests.strategies.scores.test_evaluate import Class, benchmark, evaluated


@pytest.mark.parametrize(
    ("boxed", "verdict"),
    [
        *(("ABD", "right"), ("A, B, D", "right"), (r"\text{(A), (B) and (D)}", "right"), ("D,B,A", "right")),
        *(("AB", "wrong"), ("ABCD", "wrong"), ("A", "wrong"), ("42", "unparsed"), ("A or x", "unparsed")),
    ],
)
def test_the_same_letters_however_they_are_set_apart(boxed, verdict):
    assert judge_letters(f"so \\boxed{{{boxed}}}.", "ABD").verdict == verdict


def test_without_a_box_there_is_no_answer():
    assert judge_letters("A, B and D", "ABD").verdict == "unparsed"


@pytest.mark.parametrize(
    ("reference", "several"), [("ABD", True), ("A", False), ("AA", False), ("12", False), (None, False)]
)
def test_what_is_several_letters(reference, several):
    assert are_several(reference) == several


def test_a_benchmark_of_letters_numbers_and_choices():
    rows = [{"question": f"q{n}", "reference": reference} for n, reference in enumerate(("BC", "C", "0.5"))]
    said = {"q0": "B, C", "q1": "(C)", "q2": "0.50"}
    pupils = Class({"good": lambda r: reply(f"\\boxed{{{said[r.messages[-1].content]}}}")})
    kept, _ = evaluated(pupils, benchmark("jee", *rows), verify={"jee": "letters"})
    assert kept["right"].to_list() == [1.0] * 3 and kept["verdict_by"].to_list() == ["letters", "math", "math"]
