"""Students that answer by a rule are asked small benchmarks, and judged by the real verifiers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest

from ot_assets.contracts import QUESTION, SCORE
from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput, Generator, Request, Response
from ot_resources.sandboxes import open_sandbox
from tests.strategies.fakes import FakeGenerator, failure, reply
from tests.strategies.frames import collected


@dataclass
class Class:
    """Students by name, each with a rule; `asked` remembers who was asked what."""

    rules: dict[str, Callable[[Request], Response]]
    name: str = "class"
    asked: dict[str, list[Request]] = field(default_factory=dict)
    open_now: int = 0

    def train(self, *_: Any) -> Iterator[Any]:
        raise NotImplementedError

    def scores(self, *_: Any) -> Iterator[Any]:
        raise NotImplementedError

    @contextmanager
    def open(self, student: str) -> Iterator[Generator]:
        self.open_now += 1
        assert self.open_now == 1, "one student at a time"
        model = FakeGenerator(self.rules[student], model=student)
        yield model
        self.asked[student] = model.asked
        self.open_now -= 1


def benchmark(source: str, *rows: dict[str, Any]) -> pl.DataFrame:
    empty = dict.fromkeys(QUESTION)
    told = [
        empty | {"question_id": f"{source}{n}", "source": source, "extra": "{}"} | row for n, row in enumerate(rows)
    ]
    return pl.DataFrame(told, schema=QUESTION)


SUMS = benchmark("sums", *({"question": f"What is {n} + {n}?", "reference": str(2 * n)} for n in range(5)))


def right_sums(request: Request) -> Response:
    n = int(request.messages[-1].content.rpartition(" + ")[2].rstrip("?"))
    return reply(f"\\boxed{{{2 * n}}}", reasoning="add")


def even_sums(request: Request) -> Response:
    """Right for even numbers, and in odd draws."""
    n = int(request.messages[-1].content.rpartition(" + ")[2].rstrip("?"))
    return reply(f"It is \\boxed{{{2 * n + (n + request.sample) % 2}}}.")


def evaluated(pupils: Class, benchmarks: pl.DataFrame, **params: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    seeds = pl.DataFrame({"seed": list(range(len(pupils.rules))), "student": list(pupils.rules)})
    with open_sandbox("process") as sandbox:
        split = apply("scores.evaluate", seeds, benchmarks=benchmarks, students=pupils, sandbox=sandbox, **params)
        return collected(split)


def test_every_student_answers_every_question_as_often_as_it_is_said():
    pupils = Class({"good": right_sums, "so-so": even_sums})
    kept, dropped = evaluated(pupils, SUMS, repeats={"sums": 2}, held_out=["sums"])
    assert dropped.is_empty()
    assert kept.schema.items() >= SCORE.items()
    assert kept.group_by("seed", "benchmark", "question_id", "sample").len()["len"].to_list() == [1] * 20
    assert dict(kept.group_by("student").agg(pl.col("right").mean()).iter_rows()) == {"good": 1.0, "so-so": 0.5}
    assert kept["response_id"].null_count() == 0
    assert kept["held_out"].all() and set(kept["verdict"]) == {"right", "wrong"}
    assert kept.filter(student="good", sample=0)["reasoning"].to_list() == ["add"] * 5


def test_sampling_is_as_published_unless_said_otherwise():
    pupils = Class({"good": right_sums})
    evaluated(pupils, SUMS)
    sampling = pupils.asked["good"][0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.7, 1.0, 32768)
    evaluated(pupils, SUMS, temperature=0.2, max_tokens=9, system="Think.", prefix="boxed")
    request = pupils.asked["good"][0]
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.2, 9)
    assert request.messages[0].content == "Think." and request.messages[1].content.startswith("Put the final")


def test_programs_are_run_on_their_tests():
    tests = {"kind": "stdin", "inputs": ["3\n"], "outputs": ["6\n"]}
    code = benchmark("programs", {"question": "Double it.", "tests": json.dumps(tests)})
    rules = {
        "good": lambda _: reply("```python\nprint(2 * int(input()))\n```"),
        "bad": lambda _: reply("```python\nprint(3 * int(input()))\n```"),
    }
    kept, _ = evaluated(Class(rules), code)
    assert kept.select("student", "right").rows() == [("good", 1.0), ("bad", 0.0)]
    assert "test 1 of 1" in kept["verdict_reason"][1]


def test_a_question_with_wrong_answers_beside_it_is_asked_by_letters():
    extra = json.dumps({"w1": "Rome", "w2": "Bonn", "other": "x"})
    quiz = benchmark("quiz", {"question": "Capital of France?", "reference": "Paris", "extra": extra})

    def knows(request: Request) -> Response:
        lines = request.messages[-1].content.splitlines()
        letter = next(line[0] for line in lines if line.endswith(": Paris"))
        return reply(f"\\boxed{{{letter}}}")

    by_text = {name: lambda _, name=name: reply(f"\\boxed{{{name}}}") for name in ("Paris", "Rome")}
    pupils = Class({"letter": knows, **by_text})
    kept, _ = evaluated(pupils, quiz, options={"quiz": ["w1", "w2"]})
    assert kept["right"].to_list() == [1.0, 1.0, 0.0]
    said = {request.messages[-1].content for asked in pupils.asked.values() for request in asked}
    assert len(said) == 1, "all students are asked the same"
    (text,) = said
    assert sorted(line[3:] for line in text.splitlines()[2:]) == ["Bonn", "Paris", "Rome"]


def test_what_nothing_verifies_is_never_asked_and_what_fails_is_told():
    mixed = pl.concat([SUMS, benchmark("open", {"question": "Why?"})])

    def fails_once(request: Request) -> Response:
        return failure("out of memory") if "What is 3" in request.messages[-1].content else right_sums(request)

    pupils = Class({"good": fails_once})
    kept, dropped = evaluated(pupils, mixed, verify={"sums": "math"})
    assert len(pupils.asked["good"]) == 5
    assert kept["question_id"].to_list() == ["sums0", "sums1", "sums2", "sums4"]
    assert dropped.select("benchmark", "drop_reason").rows() == [("sums", "request_failed"), ("open", "not_verifiable")]
    assert "out of memory" in dropped["drop_evidence"][0]


def test_broken_tests_are_not_the_students_fault():
    broken = benchmark("programs", {"question": "Double it.", "tests": "{not json"})
    kept, dropped = evaluated(Class({"good": lambda _: reply("```python\nprint(1)\n```")}), broken)
    assert kept.is_empty() and dropped["drop_reason"].to_list() == ["not_checked"]


@pytest.mark.parametrize("name", ["held_out", "repeats", "verify", "options"])
def test_a_benchmark_that_is_not_there_is_named(name):
    value: Any = ["sum"] if name == "held_out" else {"sum": {"repeats": 2, "verify": "math", "options": ["x"]}[name]}
    with pytest.raises(BadInput, match=f"{name}: 'sum' is no benchmark of the study; there is: sums"):
        evaluated(Class({"good": right_sums}), SUMS, **{name: value})
