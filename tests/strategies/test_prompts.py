from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from ot_assets.strategies.prompts import BOXED, CALL, STDIN, Prefix, user_message


def message(prefix: Prefix | None, **columns: Any) -> str | None:
    frame = pl.DataFrame({"question": "Q?"} | columns, schema_overrides=dict.fromkeys(columns, pl.String))
    return frame.select(user_message(frame.schema, prefix)).item()


def test_the_question_alone():
    assert message(None, tests='{"kind": "stdin"}', extra='{"starter_code": "x"}') == "Q?"


def test_the_box_in_a_paragraph_of_its_own_before_the_question():
    assert message("boxed") == "Put the final answer in \\boxed{}.\n\nQ?"
    assert BOXED == "Put the final answer in \\boxed{}."


@pytest.mark.parametrize(
    ("tests", "sentence"),
    [
        ({"kind": "stdin", "inputs": ["1"], "outputs": ["1"]}, STDIN),
        ({"kind": "call", "fn_name": "f", "inputs": [[1]], "outputs": [1]}, CALL),
        ({"kind": "check", "code": "c", "entry_point": "f"}, CALL),
        ({"kind": "asserts", "asserts": ["assert f(1)"]}, CALL),
        (None, STDIN),
    ],
)
def test_programs_and_functions_are_asked_for_differently(tests, sentence):
    told = None if tests is None else json.dumps(tests)
    assert message("code", tests=told) == f"{sentence}\n\nQ?"
    assert STDIN != CALL


@pytest.mark.parametrize("extra", [None, "{}", '{"starter_code": ""}', '{"starter_code": null}', "broken"])
def test_without_starter_code(extra):
    assert message("code", extra=extra) == f"{STDIN}\n\nQ?"


def test_starter_code_comes_last():
    assert message("code", extra=json.dumps({"starter_code": "def f(n):\n    "})) == f"{STDIN}\n\nQ?\n\ndef f(n):\n    "


@pytest.mark.parametrize("prefix", [None, "boxed", "code"])
def test_no_question_no_message(prefix):
    assert message(prefix, question=None) is None
