"""Every question becomes another, by an operation that its id draws."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import EVOLVE
from ot_resources.interfaces import BadInput, Request, Response
from tests.strategies.fakes import FakeGenerator, failure, says
from tests.strategies.frames import both, collected, evidence, questions


def harder(request: Request) -> Response:
    question = request.messages[-1].content
    if question == "broken":
        return failure("busy")
    if question == "blank":
        return says(question=" ")
    if question == "Stays  the same":
        return says(question="stays the SAME\n")
    return says(question=f"{question} And then?")


def operations(kept: list[str]) -> list[str]:
    return [json.loads(extra)["operation"] for extra in kept]


def test_a_new_question_knows_its_parent_and_nothing_of_the_old_answer() -> None:
    old = questions("Sum of 1 and 2?", reference=["3"], tests=["{}"], domain=["math"])
    kept, dropped = both("sources.evolve", old, generator=FakeGenerator(harder), source="evolved")
    assert dropped.is_empty()
    row = kept.row(0, named=True)
    assert (row["question"], row["source"], row["domain"]) == ("Sum of 1 and 2? And then?", "evolved", "math")
    assert (row["reference"], row["tests"]) == (None, None)
    assert json.loads(row["extra"]).keys() == {"parent", "parent_source", "written_by", "operation"}


def test_operations_are_drawn_by_the_id_and_each_is_told_apart() -> None:
    many = questions(*[f"question {number}" for number in range(500)])
    judge = FakeGenerator(harder)
    kept, _ = collected(apply("sources.evolve", many, generator=judge, source="x"))
    drawn = operations(kept["extra"].to_list())
    assert set(Counter(drawn)) == {"deepen", "concretise", "constraint", "steps", "other_topic"}
    assert min(Counter(drawn).values()) > 60
    prompts = dict(zip(drawn, (request.messages[0].content for request in judge.asked), strict=True))
    assert len(set(prompts.values())) == 5
    assert all(prompt.splitlines()[0] == EVOLVE for prompt in prompts.values())
    shuffled, _ = collected(apply("sources.evolve", many.reverse(), generator=FakeGenerator(harder, 2), source="x"))
    assert shuffled.reverse().equals(kept)
    other, _ = collected(apply("sources.evolve", many, generator=FakeGenerator(harder), source="x", seed=1))
    assert operations(other["extra"].to_list()) != drawn


def test_only_the_operations_that_were_asked_for() -> None:
    many = questions(*[f"question {number}" for number in range(50)])
    params = {"source": "x", "operations": ["steps", "deepen"]}
    kept, _ = collected(apply("sources.evolve", many, generator=FakeGenerator(harder), **params))
    assert set(operations(kept["extra"].to_list())) == {"steps", "deepen"}
    for wrong in ([], ["harder"]):
        with pytest.raises(BadInput, match="operations"):
            apply("sources.evolve", many, generator=FakeGenerator(harder), source="x", operations=wrong)


def test_what_is_dropped() -> None:
    old = questions("fine", "broken", None, "blank", "Stays  the same")
    kept, dropped = both("sources.evolve", old, generator=FakeGenerator(harder), source="x", operations=["steps"])
    assert len(kept) == 1
    assert dropped["drop_reason"].to_list() == ["judge_failed", "empty_question", "no_question", "unchanged"]
    assert evidence(dropped)[3] == {"operation": "steps"}
