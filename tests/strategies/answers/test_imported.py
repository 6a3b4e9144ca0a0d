from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from ot_assets.contracts import ANSWER, QUESTION
from ot_assets.strategies import apply

from ..frames import collected, evidence, questions

THOUGHT = "<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\n"


def imported(*told: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    extra = [json.dumps({"level": 1, "imported": one}) for one in told]
    frame = questions(*(str(number) for number in range(len(told))), extra=extra)
    eager, lazy = collected(apply("answers.imported", frame)), collected(apply("answers.imported", frame.lazy()))
    assert eager[0].equals(lazy[0])
    assert eager[1].equals(lazy[1])
    return eager


@pytest.mark.parametrize(
    ("told", "reasoning", "answer", "finish"),
    [
        ({"answer": "4", "reasoning": "2 and 2"}, "2 and 2", "4", "stop"),
        ({"answer": "<think>\nhm\n</think>\n\nfour"}, "hm", "four", "stop"),
        ({"answer": "hm, no opening tag</think>four"}, "hm, no opening tag", "four", "stop"),
        ({"answer": f"{THOUGHT}<|begin_of_solution|>\n\nfour\n\n<|end_of_solution|>"}, "hm", "four", "stop"),
        ({"answer": 'just \\boxed{4}\nand "quotes"'}, None, 'just \\boxed{4}\nand "quotes"', "stop"),
        ({"answer": 4}, None, "4", "stop"),
        ({"answer": "<think>never closed"}, None, "<think>never closed", "length"),
        ({"answer": "<|begin_of_thought|>\n\nnever"}, None, "<|begin_of_thought|>\n\nnever", "length"),
        ({"answer": f"{THOUGHT}<|begin_of_solution|>\n\nfou"}, "hm", "fou", "length"),
        ({"answer": "<think>never", "finish_reason": "stop"}, None, "<think>never", "length"),
        ({"answer": "fou", "finish_reason": "length"}, None, "fou", "length"),
        ({"answer": "[1, 2]"}, None, "[1, 2]", "stop"),
    ],
)
def test_one_answer(told, reasoning, answer, finish):
    kept, dropped = imported(told)
    assert kept.select("sample", "reasoning", "answer", "finish_reason").rows() == [(0, reasoning, answer, finish)]
    assert kept["response_id"].to_list() == ["imported-q0"]
    assert dropped.is_empty()


def test_several_answers_of_a_question():
    kept, dropped = imported(
        {"answer": ["<think>a</think>1", "<think>b", "", "<think>c</think>3"], "model": "r1"},
        {"answer": ["1", "2"], "reasoning": ["a", None], "model": ["r1", "qwq"], "finish_reason": ["stop", "length"]},
        {"answer": "5"},
    )
    assert kept.select("question_id", "sample", "model", "reasoning", "answer", "finish_reason").rows() == [
        ("q0", 0, "r1", "a", "1", "stop"),
        ("q0", 1, "r1", None, "<think>b", "length"),
        ("q0", 3, "r1", "c", "3", "stop"),
        ("q1", 0, "r1", "a", "1", "stop"),
        ("q1", 1, "qwq", None, "2", "length"),
        ("q2", 0, "imported", None, "5", "stop"),
    ]
    assert kept["response_id"].to_list()[-2:] == ["imported-q1-1", "imported-q2"]
    assert dropped.select("question_id", "sample", "drop_reason").rows() == [("q0", 2, "no_imported_answer")]
    assert {c: kept.schema[c] for c in ANSWER if c not in QUESTION} == {
        c: t for c, t in ANSWER.items() if c not in QUESTION
    }


def test_lists_of_different_lengths_are_told():
    kept, dropped = imported({"answer": ["1", "2"], "reasoning": ["a"]})
    assert kept.is_empty()
    assert dropped["drop_reason"].to_list() == ["uneven_imported"]
    assert evidence(dropped)[0]["rule"] == "extra.imported has 2 answers but 1 of 'reasoning'"


@pytest.mark.parametrize("told", [None, {}, "text", {"answer": None}, {"answer": "  "}, {"answer": []}])
def test_no_answer(told):
    kept, dropped = imported(told)
    assert kept.is_empty()
    assert dropped.select("question_id", "sample", "drop_reason").rows() == [("q0", 0, "no_imported_answer")]


@pytest.mark.parametrize("extra", [None, "", "{}", "[]", "broken"])
def test_no_extra(extra):
    kept, dropped = collected(apply("answers.imported", questions("a", extra=[extra])))
    assert kept.is_empty()
    assert dropped["drop_reason"].to_list() == ["no_imported_answer"]


def test_integers_that_are_too_long_for_python_do_not_hide_an_answer():
    extra = f'{{"big": {"9" * 5000}, "imported": {{"answer": "4"}}}}'
    kept, _ = collected(apply("answers.imported", questions("a", extra=[extra])))
    assert kept["answer"].to_list() == ["4"]
    assert kept["extra"].to_list() == [extra]


def test_no_questions():
    kept, dropped = collected(apply("answers.imported", questions(extra=[])))
    assert kept.is_empty()
    assert dropped.is_empty()
