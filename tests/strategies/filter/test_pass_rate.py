from __future__ import annotations

import json
from dataclasses import dataclass

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput
from ot_resources.sandboxes import open_sandbox

from ..fakes import FakeGenerator, failure, reply
from ..frames import both, collected, evidence, questions


@dataclass
class NoSandbox:
    name: str = "none"

    def run(self, jobs):
        raise AssertionError("mathematics needs no sandbox")


def able(request):
    """Right in as many of its samples as the question says; below 0 it cannot be asked."""
    wanted = int(request.messages[-1].content)
    if wanted < 0:
        return failure("out of quota")
    return reply(r"so \boxed{4}" if request.sample < wanted else r"so \boxed{5}")


def rate(frame: pl.DataFrame, **params):
    given = {"generator": FakeGenerator(able), "sandbox": NoSandbox(), "verify": "math"}
    return both("filter.pass_rate", frame, **given | params)


def numbers(*texts: str, **columns) -> pl.DataFrame:
    return questions(*texts, **{"reference": ["4"] * len(texts)} | columns)


def test_a_band_of_rates_stays():
    kept, dropped = rate(numbers("0", "1", "2", "4"), low=0.25, high=0.75)
    assert kept.select("question", "pass_rate").rows() == [("1", 0.25), ("2", 0.5)]
    assert dropped["drop_reason"].to_list() == ["too_hard", "too_easy"]
    assert evidence(dropped)[0] == {
        "score": 0.0,
        "rank": 3,
        "keep": None,
        "cutoff": 0.5,
        "at_least": 0.25,
        "at_most": 0.75,
        "error": None,
        "right": 0,
        "checked": 4,
        "samples": 4,
        "model": "fake@1",
    }


def test_the_hardest_stay():
    kept, dropped = rate(numbers("4", "1", "0", "3", "2"), low=0.1, keep=2)
    assert kept["question"].to_list() == ["1", "2"]
    assert dropped["drop_reason"].to_list() == ["not_among_hardest", "too_hard", "not_among_hardest"]


def test_the_hardest_of_each_source():
    frame = pl.concat([numbers("4", "3", source="x"), numbers("2", "1", source="y")])
    assert rate(frame, keep=1, per_source=True)[0]["question"].to_list() == ["3", "1"]


def test_the_requests_are_those_of_the_answers():
    asked, answering = FakeGenerator(able), FakeGenerator(able)
    params = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 99, "system": "Think.", "prefix": None}
    frame = numbers("1", "2")
    split = apply(
        "filter.pass_rate", frame, generator=asked, sandbox=NoSandbox(), verify="math", samples=3, keep=2, **params
    )
    kept, _ = collected(split)
    collected(apply("answers.teacher", kept, generator=answering, samples=5, **params))
    assert asked.asked == [request for request in answering.asked if request.sample < 3]


def test_who_cannot_be_checked_is_not_asked():
    judge = FakeGenerator(able)
    frame = numbers("1", "2", "3", reference=["4", None, " "])
    kept, dropped = rate(frame, generator=judge, keep=3)
    assert kept["question"].to_list() == ["1"]
    assert dropped["drop_reason"].to_list() == ["not_verifiable", "not_verifiable"]
    assert {told["error"] for told in evidence(dropped)} == {"no reference"}
    assert {request.messages[-1].content for request in judge.asked} == {"1"}


def test_failed_requests_do_not_count_and_alone_they_drop():
    def flaky(request):
        return failure("busy") if request.sample == 0 else able(request)

    kept, _ = rate(numbers("2"), generator=FakeGenerator(flaky), keep=1)
    assert kept["pass_rate"].to_list() == [pytest.approx(1 / 3)]
    _, dropped = rate(numbers("-1"), keep=1)
    assert dropped["drop_reason"].to_list() == ["no_answer"]
    assert evidence(dropped)[0]["error"] == "out of quota"


def test_programs_run_on_the_tests_of_the_question():
    def write(request):
        right = request.sample % 2 == 0
        return reply(f"```python\nprint(int(input()) {'+' if right else '-'} 1)\n```")

    tests = json.dumps({"kind": "stdin", "inputs": ["1\n"], "outputs": ["2\n"]})
    frame = questions("add one", "no tests", "broken", tests=[tests, None, "nonsense"])
    with open_sandbox("process") as sandbox:
        kept, dropped = rate(frame, generator=FakeGenerator(write), sandbox=sandbox, verify="code", samples=2, keep=3)
    assert kept.select("question", "pass_rate").rows() == [("add one", 0.5)]
    assert dropped["drop_reason"].to_list() == ["not_verifiable", "not_verifiable"]
    assert [told["error"].split(":")[0] for told in evidence(dropped)] == ["no tests", "tests"]


def test_no_questions_ask_nothing():
    teacher = FakeGenerator(able)
    kept, dropped = rate(numbers(), generator=teacher, keep=1)
    assert kept.is_empty()
    assert kept.schema["pass_rate"] == pl.Float64
    assert dropped.is_empty()
    assert teacher.asked == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "give 'low' and 'high'"),
        ({"low": 0.5, "high": 0.25}, r"'low' \(0.5\) is above 'high'"),
        ({"keep": 1, "verify": "code"}, "verify: code needs the column 'tests'"),
        ({"high": 0.5, "per_source": True}, "give 'keep'"),
    ],
)
def test_it_says_what_it_lacks_before_anybody_is_asked(params, message):
    teacher = FakeGenerator(able)
    with pytest.raises(BadInput, match=f"filter.pass_rate: .*{message}"):
        apply(
            "filter.pass_rate",
            numbers("1"),
            **{"generator": teacher, "sandbox": NoSandbox(), "verify": "math"} | params,
        )
    assert teacher.asked == []
