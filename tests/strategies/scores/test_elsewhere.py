"""Results of evalchemy and lighteval, in the shapes that these write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from ot_assets.contracts import SCORE
from ot_assets.strategies import apply
from ot_assets.strategies.scores import elsewhere
from ot_resources.interfaces import BadInput
from tests.strategies.frames import collected
from tests.strategies.scores.test_evaluate import Class, benchmark

EVALCHEMY = {
    "results": {
        "AIME24": {
            "num_total": 30,
            "solved_avg": 9.0,
            "run_stats": [
                {"repetition": 1, "num_total": 30, "num_solved": 9, "accuracy": 0.3},
                {"repetition": 2, "num_total": 30, "num_solved": 12, "accuracy": 0.4},
            ],
            "accuracy_avg": 0.35,
            "accuracy_std_err": 0.035,
            "num_repeat": 2,
        },
        "MATH500": {"num_total": 500, "num_solved": 400, "accuracy": 0.8},
    },
    "config": {"model": "vllm", "model_args": "pretrained=/models/abc123,dtype=bfloat16"},
    "git_hash": "181a8ef",
}
LIGHTEVAL = {
    "config_general": {"model_name": "/models/abc123"},
    "results": {
        "custom|aime24|0": {"extractive_match": 0.3, "extractive_match_stderr": 0.0850962943396763},
        "lighteval|gpqa:diamond|0": {"gpqa_pass@1": 0.5, "gpqa_pass@1_stderr": 0.036},
        "all": {"extractive_match": 0.3, "extractive_match_stderr": 0.0850962943396763},
    },
    "config_tasks": {"lighteval|gpqa:diamond": {"effective_num_docs": 198}},
}


def measured(raw: dict[str, Any]) -> list[tuple[str, int, float, int]]:
    found = elsewhere.read(json.dumps(raw), "file").measured
    return [(one.benchmark, one.repeat, one.right, one.n) for one in found]


def test_evalchemys_repeats_are_rows_of_their_own():
    assert measured(EVALCHEMY) == [("aime24", 0, 0.3, 30), ("aime24", 1, 0.4, 30), ("math500", 0, 0.8, 500)]
    assert elsewhere.read(json.dumps(EVALCHEMY), "file").model == "/models/abc123"


def test_lightevals_questions_are_counted_by_its_configuration_or_by_its_error():
    assert measured(LIGHTEVAL) == [("aime24", 0, 0.3, 30), ("gpqa_diamond", 0, 0.5, 198)]
    assert elsewhere.read(json.dumps(LIGHTEVAL), "file").model == "/models/abc123"


def test_an_error_of_several_answers_a_question_makes_no_more_questions_of_a_benchmark():
    told = LIGHTEVAL | {"results": {"x|aime24|0": {"em": 0.5, "em_stderr": 0.01}}}
    assert measured(told) == [("aime24", 0, 0.5, 30)]


def test_what_is_no_json_is_told():
    for text in ("[" * 100_000, "{", "1" * 5_000):
        with pytest.raises(BadInput, match="file: not JSON"):
            elsewhere.read(text, "file")


def test_our_own_form():
    own = {"student": "abc", "scores": {"mine": [{"right": 0.5, "n": 10}, {"right": 1, "n": 10}]}}
    assert measured(own) == [("mine", 0, 0.5, 10), ("mine", 1, 1.0, 10)]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ([], "no results of evalchemy or lighteval"),
        ({"results": {}}, "no scores in it"),
        ({"results": {"AIME24": {"num_total": 30}}}, "AIME24 has no accuracy; it has: num_total"),
        ({"results": {"AIME24": {"accuracy": 0.5}}}, "AIME24: does not say how many questions there were"),
        ({"results": {"AIME24": {"accuracy": 50, "num_total": 30}}}, "AIME24: 50 is no share between 0 and 1"),
        ({"scores": {"a": [{"right": 0.5}]}}, "a: a list of"),
        (LIGHTEVAL | {"results": {"x|y|0": {"rouge": 0.1}}}, "no score of one answer a question; it has: rouge"),
        *[
            ({"results": {"AIME24": {"run_stats": runs}}}, "AIME24: run_stats is no list")
            for runs in ({"a": 1}, 5, "a")
        ],
        ({"results": {"AIME24": {"run_stats": [5]}}}, "AIME24: a repeat in run_stats is no JSON object"),
        *[(LIGHTEVAL | {"config_general": told}, "config_general is no JSON object") for told in (["x"], "x")],
        (EVALCHEMY | {"config": "x"}, "config is no JSON object"),
        (LIGHTEVAL | {"config_tasks": [1]}, "config_tasks is no JSON object"),
        *[
            (LIGHTEVAL | {"results": {"x|y|0": {"em": 0.5, "em_stderr": error}}}, "is no standard error of a share")
            for error in ("x", 1e-300, -0.1, float("nan"), 10**400)
        ],
        (LIGHTEVAL | {"results": {"x|y|0": {"em": "x", "em_stderr": 0.1}}}, "x is no share"),
        ({"scores": {"a": {"right": 1, "n": 10**30}}}, "0 questions, of a benchmark of at most 10,000"),
        ({"scores": {"aime24": {"right": 1, "n": 31}}}, "31 questions, of a benchmark of at most 30"),
        ({"scores": {"\ud800": {"right": 1, "n": 3}}}, "a task's name is no text"),
        (
            {"results": {task: {"accuracy": 0.5, "num_total": 30} for task in ("AIME24", "aime_24")}},
            "AIME24 and aime_24 are both aime24",
        ),
        (LIGHTEVAL | {"results": {f"x|y|{k}": {"em": 0.5, "em_stderr": 0.1} for k in (0, 5)}}, "are both y"),
    ],
)
def test_what_is_no_result_is_told(raw, said):
    with pytest.raises(BadInput, match=said):
        measured(raw)


class Handed(Class):
    """Students that were asked elsewhere."""

    def scores(self, student: str) -> Iterator[tuple[str, str]]:
        yield from {"a": [("1.json", json.dumps(EVALCHEMY))], "b": [("2.json", "{}")]}.get(student, [])
        if student == "d":
            yield "3.json", b"\xff".decode()


def imported(student: str, **params: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = pl.DataFrame({"seed": [3], "student": [student]})
    sets = benchmark("aime24", {"question": "q", "reference": "1"})
    return collected(apply("scores.imported", made, benchmarks=sets, students=Handed({}), **params))


def test_what_the_study_does_not_ask_is_dropped_and_the_rest_are_scores():
    kept, dropped = imported("a", held_out=["aime24"])
    assert kept.schema.items() >= SCORE.items()
    assert kept.select("seed", "benchmark", "held_out", "question_id", "sample", "right", "n").rows() == [
        (3, "aime24", True, None, 0, 0.3, 30),
        (3, "aime24", True, None, 1, 0.4, 30),
    ]
    assert dropped.select("benchmark", "drop_reason").rows() == [("math500", "not_asked")]


def test_a_student_without_a_file_and_one_whose_file_is_none_are_told():
    with pytest.raises(BadInput, match=r"no scores of student c \(seed 3\): train and evaluate it"):
        imported("c")
    with pytest.raises(BadInput, match="no scores of student a"):
        imported("a", files={"a": {}})
    with pytest.raises(BadInput, match="scores of student a changed while they were read"):
        imported("a", files={"a": dict.fromkeys((name for name, _ in Handed({}).scores("a")), "another")})
    with pytest.raises(BadInput, match=r"2\.json: no results"):
        imported("b")
    with pytest.raises(BadInput, match="scores of student d: a file is not text in UTF-8"):
        imported("d")
