"""Every text becomes as many questions as were asked for, or is dropped and says why."""

from __future__ import annotations

import json

import polars as pl
import pytest

from ot_assets.contracts import QUESTION
from ot_assets.strategies import apply
from ot_assets.strategies.tasks import FROM_TEXT
from ot_resources.interfaces import BadInput, FinishReason, Request, Response
from tests.strategies.fakes import FakeGenerator, failure, reply, says
from tests.strategies.frames import both, collected, evidence, questions


def problem(request: Request) -> Response:
    """A problem that names the text it is about."""
    text = request.messages[-1].content
    if "broken" in text:
        return failure("no connection")
    if "cut" in text:
        return reply('{"question": "What', finish=FinishReason.LENGTH)
    if "odd" in text:
        return reply("Here is a problem: 2+2?")
    if "poem" in text:
        return says(question="", answer="")
    return says(question=f"What of {text}?", answer="\\boxed{4}")


def test_new_rows_are_questions_of_the_new_source() -> None:
    judge = FakeGenerator(problem)
    texts = questions("primes", "sets", domain=["math", None])
    kept, dropped = both("sources.from_text", texts, generator=judge, source="automath", domain="math")
    assert dropped.is_empty()
    assert dict(kept.schema) == dict(pl.DataFrame(schema=QUESTION).schema)
    first = kept.row(0, named=True)
    assert (first["source"], first["domain"], first["tests"]) == ("automath", "math", None)
    assert (first["question"], first["reference"]) == ("What of primes?", "\\boxed{4}")
    assert json.loads(first["extra"]) == {"parent": "q0", "parent_source": "s", "written_by": "fake@1"}
    assert kept["question_id"].n_unique() == 2
    assert set(kept["question_id"].str.len_chars()) == {16}


def test_the_request() -> None:
    judge = FakeGenerator(problem)
    both("sources.from_text", questions(" primes "), generator=judge, source="a", temperature=0.5, max_tokens=77)
    system, user = judge.asked[0].messages
    assert system.content.splitlines()[0] == FROM_TEXT
    assert user.content == "primes"
    assert (judge.asked[0].sampling.temperature, judge.asked[0].sampling.max_tokens) == (0.5, 77)
    assert json.loads(judge.asked[0].sampling.schema or "")["required"] == ["question", "answer"]


def test_a_text_of_which_nothing_comes_is_dropped_with_the_reason() -> None:
    texts = questions("primes", "broken", "", None, "poem", "cut", "odd", "sets")
    kept, dropped = both("sources.from_text", texts, generator=FakeGenerator(problem), source="a")
    assert kept["question"].to_list() == ["What of primes?", "What of sets?"]
    assert dropped.select("question_id", "drop_reason").rows() == [
        ("q1", "judge_failed"),
        ("q2", "empty_text"),
        ("q3", "empty_text"),
        ("q4", "no_question"),
        ("q5", "judge_failed"),
        ("q6", "judge_failed"),
    ]
    told = evidence(dropped)
    assert told[0] == {"error": "no connection", "model": "fake@1"}
    assert "cut off" in told[4]["error"]


def test_several_questions_of_a_text_are_asked_for_in_different_words() -> None:
    def some(request: Request) -> Response:
        asked = request.messages[0].content
        second = "problem 2 of 3" in asked
        if second or "broken" in request.messages[-1].content:
            return failure("busy")
        return says(question=asked[-40:], answer="1")

    judge = FakeGenerator(some)
    kept, dropped = collected(
        apply("sources.from_text", questions("a", "broken", "b"), generator=judge, source="x", per_text=3)
    )
    parents = [json.loads(extra)["parent"] for extra in kept["extra"]]
    assert parents == ["q0", "q0", "q2", "q2"]
    assert kept["question_id"].n_unique() == 4
    assert dropped["question_id"].to_list() == ["q1"]
    assert len({request.messages for request in judge.asked}) == len(judge.asked) == 9


def test_a_limit_asks_about_the_same_texts_wherever_they_stand() -> None:
    texts = questions(*[f"text {number}" for number in range(40)])
    judge = FakeGenerator(problem)
    kept, dropped = collected(apply("sources.from_text", texts, generator=judge, source="x", limit=10))
    assert len(kept) == len(judge.asked) == 10
    assert set(dropped["drop_reason"]) == {"not_drawn"}
    assert min(told["rank"] for told in evidence(dropped)) == 11
    assert kept["question"].to_list() == sorted(kept["question"], key=lambda text: int(text.split()[-1][:-1]))
    again, rest = collected(
        apply("sources.from_text", texts.reverse(), generator=FakeGenerator(problem), source="x", limit=10)
    )
    assert again.reverse().equals(kept)
    assert len(rest) == 30


def test_ids_hang_on_source_parent_and_number_alone() -> None:
    texts = questions(*[f"text {number}" for number in range(300)])
    kept, _ = collected(apply("sources.from_text", texts, generator=FakeGenerator(problem), source="x"))
    some, _ = collected(apply("sources.from_text", texts[250:260], generator=FakeGenerator(problem, 3), source="x"))
    assert some.equals(kept[250:260])
    other, _ = collected(apply("sources.from_text", texts, generator=FakeGenerator(problem), source="y"))
    assert not set(other["question_id"]) & set(kept["question_id"])


def test_a_judge_that_stops_is_an_error() -> None:
    class Lazy(FakeGenerator):
        def generate(self, requests):  # type: ignore[no-untyped-def]
            yield from list(super().generate(requests))[:-1]

    with pytest.raises(RuntimeError, match="1 requests unanswered"):
        apply("sources.from_text", questions("a", "b"), generator=Lazy(problem), source="x")


def test_the_new_source_needs_a_name() -> None:
    with pytest.raises(BadInput, match="sources.from_text: 'source' is empty"):
        apply("sources.from_text", questions("a"), generator=FakeGenerator(problem), source=" ")
