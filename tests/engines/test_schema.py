"""The embedded model writes JSON of the schema that is asked for, whatever it would have written otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ot_resources.generators.embedded import _SOON, BATCH, EmbeddedEngine
from ot_resources.generators.engine import Completion, request_key, request_seed
from ot_resources.interfaces import FinishReason, Request
from tests.engines.rule_engine import ask
from tests.engines.test_embedded import answers_of


class Opinion(BaseModel):
    """What a judge might be asked for, in an order that is not the alphabet's."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=30)
    verdict: Literal["yes", "no", "rather not"]
    rating: int = Field(ge=3, le=12)
    fair: bool
    marks: list[Literal[0, 15, 20]] = Field(max_length=2)


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rating: int = Field(ge=1, le=10)


OPINION, VERDICT = (json.dumps(form.model_json_schema()) for form in (Opinion, Verdict))
QUESTIONS = [f"What is {n} + {3 * n + 1}?" for n in range(8)]


@pytest.fixture(scope="module")
def engine(teacher: Path) -> EmbeddedEngine:
    return EmbeddedEngine(teacher)


def answers(engine: EmbeddedEngine, requests: Sequence[Request]) -> list[Completion]:
    seeds = [request_seed(request_key(engine.model, request)) for request in requests]
    return answers_of(engine, requests, seeds)


@pytest.fixture(scope="module")
def opinions(engine: EmbeddedEngine) -> list[Completion]:
    return answers(engine, [ask(q, schema=OPINION, temperature=1.5) for q in QUESTIONS])


def test_every_completion_is_compact_json_of_the_schema(opinions):
    assert {completion.finish_reason for completion in opinions} == {FinishReason.STOP}
    for completion in opinions:
        opinion = Opinion.model_validate_json(completion.text, strict=True)
        written: dict[str, Any] = json.loads(completion.text)
        assert list(written) == list(Opinion.model_fields)
        reason = written.pop("reason")
        assert opinion.reason == reason
        assert completion.text.startswith('{"reason":"')
        assert completion.text.endswith('",' + json.dumps(written, separators=(",", ":"))[1:])
    assert len({completion.text for completion in opinions}) == len(opinions)


def test_without_the_schema_none_is(engine):
    for completion in answers(engine, [ask(q, temperature=1.5, max_tokens=60) for q in QUESTIONS]):
        with pytest.raises(ValidationError):
            Opinion.model_validate_json(completion.text)


@pytest.mark.parametrize("sampling", [{"temperature": 0.0}, {"temperature": 0.8}, {"temperature": 2.0, "top_p": 0.5}])
def test_the_schema_holds_however_tokens_are_drawn(engine, sampling):
    for completion in answers(engine, [ask(q, schema=VERDICT, **sampling) for q in QUESTIONS]):
        assert completion.finish_reason == FinishReason.STOP
        Verdict.model_validate_json(completion.text, strict=True)


def test_every_rating_of_the_range_can_come_and_no_other(engine):
    made = answers(engine, [ask("Rate it.", sample, schema=VERDICT, temperature=6.0) for sample in range(2 * BATCH)])
    assert {json.loads(completion.text)["rating"] for completion in made} == set(range(1, 11))


def test_an_answer_does_not_depend_on_its_neighbours(engine, opinions):
    among = [
        *(ask(f"Name {n} primes.", schema=OPINION, temperature=1.5) for n in range(BATCH)),
        ask(QUESTIONS[5], max_tokens=12),
        ask(QUESTIONS[5], schema=OPINION, temperature=1.5),
    ]
    assert answers(engine, among)[-1] == opinions[5]
    assert answers(engine, [ask(q, schema=OPINION, temperature=1.5) for q in reversed(QUESTIONS)])[::-1] == opinions


def test_an_answer_without_a_schema_does_not_change_beside_one_with(engine):
    plain = [ask(q, max_tokens=12) for q in QUESTIONS]
    mixed = [request for q in QUESTIONS for request in (ask(q, max_tokens=12), ask(q, schema=VERDICT, max_tokens=12))]
    assert answers(engine, mixed)[::2] == answers(engine, plain)


def test_json_that_is_cut_off_says_so(engine, opinions):
    (cut,) = answers(engine, [ask(QUESTIONS[0], schema=OPINION, temperature=1.5, max_tokens=9)])
    assert (cut.finish_reason, cut.completion_tokens) == (FinishReason.LENGTH, 9)
    with pytest.raises(ValidationError):
        Opinion.model_validate_json(cut.text)


def test_a_slow_answer_is_the_same_when_it_is_asked_again(engine):
    """A list that is long holds up its batch, so it is asked in a second pass."""
    schema = json.dumps(
        {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "minItems": 80, "maxItems": 82}
    )
    (long,) = answers(engine, [ask(QUESTIONS[0], schema=schema, temperature=0.9)])
    assert long.completion_tokens > _SOON
    short, again = answers(
        engine, [ask(QUESTIONS[1], schema=schema, temperature=0.9), ask(QUESTIONS[0], schema=schema, temperature=0.9)]
    )
    assert again == long
    assert short.text != long.text


@pytest.mark.parametrize(
    ("schema", "what"), [('{"type": "strange"}', "strange"), ("not json", "JSON"), ('{"type": "object"', "JSON|EOF")]
)
def test_a_schema_that_cannot_be_kept_is_an_error_of_its_own(engine, schema, what):
    refused, other = answers(engine, [ask("Hi", schema=schema), ask("Hi", schema=VERDICT)])
    assert (refused.finish_reason, refused.text, refused.final) == (FinishReason.ERROR, "", True)
    assert "schema" in (refused.error or "") and "\n" not in (refused.error or "")
    assert other.finish_reason == FinishReason.STOP


def test_a_schema_names_another_request_and_its_absence_the_one_of_old():
    assert request_key("rule@1", ask("q", 3, temperature=0.5, schema=None)) == "7c44623c498d29ba9bc2b100d07ccb15"
    keys = {request_key("rule@1", ask("q", 3, temperature=0.5, schema=schema)) for schema in (None, "{}", VERDICT)}
    assert len(keys) == 3
