from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from ot_assets.strategies.registry import find
from ot_assets.strategies.verify.grading import decided, grade, specimens
from ot_resources.interfaces import Sandbox
from ot_resources.sandboxes import open_sandbox

TESTS = {
    "stdin": {"kind": "stdin", "inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]},
    "call": {"kind": "call", "fn_name": "add", "inputs": [[1, 2], [[3], {"a": 4}]], "outputs": [3, [1.5, None, "x"]]},
    "asserts": {"kind": "asserts", "asserts": ["assert add(1, b=2) == {3}", "assert less(float('inf')) == (1,)"]},
    "equalities": {"kind": "asserts", "asserts": ["assert add(1, b=2) == {3}", "assert less([1]) == (1, b'x')"]},
    "check": {"kind": "check", "code": "def check(f):\n    assert f(1) == 2", "entry_point": "f"},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox("process") as opened:
        yield opened


def rows(column: str, *values: str | None) -> pl.LazyFrame:
    return pl.LazyFrame({"question_id": [f"q{n}" for n in range(len(values))], column: list(values)})


def of_code(sandbox: Sandbox, made: list[Any]) -> tuple[bool, str]:
    return grade(made, lambda frame: find("verify", "code").function(frame, sandbox=sandbox))


@pytest.mark.parametrize(("kind", "gold"), [("stdin", 1), ("call", 1), ("asserts", 0), ("equalities", 1), ("check", 0)])
def test_gold_programs_are_right_and_corrupted_ones_are_not(sandbox: Sandbox, kind: str, gold: int) -> None:
    made = specimens("verify.code", rows("tests", json.dumps(TESTS[kind])), {})
    assert (sum(specimen.right for specimen in made), len(made)) == (gold, gold + 1)
    passed, told = of_code(sandbox, made)
    assert passed, told


def test_tests_that_contradict_themselves_have_no_gold_answer() -> None:
    tests = {"kind": "stdin", "inputs": ["1\n", "1\n"], "outputs": ["3\n", "7\n"]}
    assert [s.right for s in specimens("verify.code", rows("tests", json.dumps(tests), None, "{broken"), {})] == [False]


REFERENCES = ["1/2", r"\frac{\sqrt{3}}{2}", "(1, 2]", "C", "the empty set", r"Hence \boxed{\{1,2\}}", "so 4\n#### 4"]


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_is_right_against_itself(reference: str) -> None:
    made = specimens("verify.math", rows("reference", reference), {})
    passed, told = grade(made, lambda frame: find("verify", "math").function(frame))
    assert (len(made), passed) == (2, True), told


def test_a_grader_that_says_right_or_wrong_to_all_is_found() -> None:
    made = specimens("verify.multiple_choice", rows("reference", "A", "2", None, "no letter"), {"index_base": 0})
    assert [specimen.right for specimen in made] == [True, False] * 2

    def always(verdict: str) -> Any:
        word = [pl.lit(verdict).alias("verdict"), pl.lit("so").alias("verdict_reason")]
        return lambda frame: [frame.with_columns(word)]

    told = "2 gold answers and 2 corrupted ones: 2 verdicts are not as they must be, e.g. a "
    assert grade(made, always("right")) == (False, f"{told}corrupted answer is right (so)")
    assert grade(made, always("wrong")) == (False, f"{told}gold answer is wrong (so)")
    assert grade(made, lambda frame: find("verify", "multiple_choice").function(frame))[0]


def test_too_many_undecided_are_told() -> None:
    assert decided({"right": 4, "unparsed": 3, "timeout": 1, "unavailable": 100})[0]
    passed, told = decided({"right": 40, "unparsed": 30, "error": 20})
    assert not passed
    assert told == "unparsed 30, timeout 0, error 20 of 90 checked: 56% undecided, at most 50% may be"
    assert decided({"unparsed": 19})[0]  # too few to tell
    assert decided({})[0]
