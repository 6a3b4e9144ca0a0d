"""Rows as LiveCodeBench and Codeforces publish them become questions that a student can be asked and held to."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from ot_assets.strategies.scores.adapters import BadRow, adapted
from ot_assets.strategies.verify.code_tests import read_tests
from tests.strategies.fakes import reply
from tests.strategies.scores.test_evaluate import Class, benchmark, evaluated

STREAMS = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
CALLS = [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]


def packed(value: Any, protocol: int = 4) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value, protocol))).decode()


def row(**extra: Any) -> dict[str, Any]:
    return {"question": "Add up.", "reference": None, "tests": None, "extra": json.dumps(extra)}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_public_and_private_tests_are_joined(protocol):
    more = [{"input": "2 2\n", "output": "4\n", "testtype": "stdin"}]
    private = packed(json.dumps(more), protocol)
    made = adapted(row(public_test_cases=json.dumps(STREAMS), private_test_cases=private), "livecodebench")
    assert json.loads(made["tests"]) == {"kind": "stdin", "inputs": ["1 2\n", "2 2\n"], "outputs": ["3\n", "4\n"]}


class Evil:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


def test_a_pickle_that_does_something_is_refused_and_not_run(tmp_path):
    with pytest.raises(BadRow, match="a pickle of more than a text"):
        adapted(row(private_test_cases=packed(Evil(tmp_path / "here"))), "livecodebench")
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    "extra", [{"private_test_cases": "!!"}, {"public_test_cases": "{"}, {"public_test_cases": "[{}]"}]
)
def test_a_row_of_another_form_is_told(extra):
    with pytest.raises(BadRow, match="not as livecodebench has it"):
        adapted(row(**extra), "livecodebench")


def test_a_function_is_asked_with_its_starter_code_and_run_as_a_method():
    starter = "class Solution:\n    def total(self, nums: List[int], more: int) -> int:"
    extra = {"public_test_cases": json.dumps(CALLS), "starter_code": starter, "metadata": '{"func_name": "total"}'}
    code = benchmark("lcb", {"question": "Add up.", "extra": json.dumps(extra)})
    body = f"```python\n{starter}\n        return sum(nums) + more\n```"
    pupils = Class({"good": lambda _: reply(body), "bad": lambda _: reply(body.replace("+ more", ""))})
    kept, _ = evaluated(pupils, code, adapters={"lcb": "livecodebench"}, verify={"lcb": "code"})
    assert kept["right"].to_list() == [1.0, 0.0]
    assert pupils.asked["good"][0].messages[-1].content.endswith(starter)


def test_codeforces_is_asked_whole_and_only_verified_by_all_of_its_tests():
    told = {"input_format": "two numbers", "examples": [{"input": "1 2", "output": "3"}], "official_tests": STREAMS}
    made = adapted(row(**told, official_tests_complete=True), "codeforces")
    assert "Input format\ntwo numbers" in made["question"] and "Example input\n1 2" in made["question"]
    assert read_tests(made["tests"]).stdins == ("1 2\n",)
    for more in ({"official_tests_complete": False}, {"official_tests_complete": True, "generated_checker": "x"}):
        assert adapted(row(**told, **more), "codeforces")["tests"] is None


def test_a_stand_ins_own_tests_stay_and_a_broken_row_is_never_asked():
    own = row(public_test_cases="{") | {"tests": '{"kind": "stdin", "inputs": [], "outputs": []}'}
    assert adapted(own, "livecodebench") is own
    code = benchmark("lcb", {"question": "q", "extra": json.dumps({"public_test_cases": "{"})})
    pupils = Class({"good": lambda _: reply("x")})
    kept, dropped = evaluated(pupils, code, adapters={"lcb": "livecodebench"})
    assert kept.is_empty() and dropped["drop_reason"].to_list() == ["not_verifiable"]
    assert "not as livecodebench has it" in dropped["drop_evidence"][0] and not pupils.asked["good"]
