from __future__ import annotations

import json
from typing import Annotated, Literal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from ot_assets.strategies.asking import REASON_CHARS, Reason, ask, ask_each, beside, finish, schema_of
from ot_assets.strategies.tasks import TASKS, instruct, labelled
from ot_resources.interfaces import FinishReason, Message

from .fakes import FakeGenerator, failure, reply, says


class Rating(BaseModel):
    """A reason and a number."""

    reason: Reason
    rating: Annotated[int, Field(ge=1, le=10)]


def asked_with(answer, texts, **generator):
    judge = FakeGenerator(answer, **generator)
    rows = pl.LazyFrame(
        {"question": texts, "other": [1] * len(texts)}, schema={"question": pl.String, "other": pl.Int64}
    )

    def messages(row):
        assert list(row) == ["question"]
        return instruct("Do it.", "With care.", row["question"]) if row["question"] else "nothing to ask"

    replies = list(ask(judge, rows, ("question",), messages, Rating, temperature=0.5, max_tokens=60))
    return judge, replies


def length(request):
    return says(reason="counted", rating=len(request.messages[-1].content))


def test_a_request_holds_the_task_the_instructions_the_data_and_the_schema():
    judge, [told] = asked_with(length, ["abc"])
    [request] = judge.asked
    assert request.messages == (Message("system", "Do it.\n\nWith care."), Message("user", "abc"))
    assert (request.sampling.temperature, request.sampling.max_tokens, request.sample) == (0.5, 60, 0)
    assert json.loads(request.sampling.schema) == {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": REASON_CHARS},
            "rating": {"type": "integer", "minimum": 1, "maximum": 10},
        },
        "required": ["reason", "rating"],
        "additionalProperties": False,
    }
    assert told.value == Rating(reason="counted", rating=3) and told.error is None


def test_properties_stay_in_the_order_of_the_form():
    class Late(BaseModel):
        zeal: bool
        title: str
        description: Annotated[str, Field(description="left out")]
        kind: Literal["b", "a"]
        parts: list[Rating]

    schema = schema_of(Late)
    assert list(json.loads(schema)["properties"]) == ["zeal", "title", "description", "kind", "parts"]
    assert "left out" not in schema and "Late" not in schema
    assert '"enum":["b","a"]' in schema
    assert json.loads(schema)["$defs"]["Rating"]["additionalProperties"] is False


@given(st.lists(st.sampled_from(["", "a", "bb", "fail"])), st.integers(1, 9))
def test_one_reply_a_row_in_order(texts, window):
    def answer(request):
        return failure("no quota") if request.messages[-1].content == "fail" else length(request)

    judge, replies = asked_with(answer, texts, window=window)
    wanted = {"": (None, "nothing to ask"), "a": (1, None), "bb": (2, None), "fail": (None, "no quota")}
    assert [(r.value.rating if r.value else None, r.error) for r in replies] == [wanted[text] for text in texts]
    assert len(judge.asked) == len([text for text in texts if text])


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (reply('{"reason": "x", "rating": 3}', finish=FinishReason.LENGTH), "the reply was cut off after 28 tokens"),
        (reply("I rate it 3."), "the reply is not of the form: Invalid JSON"),
        (reply(""), "the reply is not of the form: Invalid JSON"),
        (
            says(reason="x", rating=11),
            "the reply is not of the form: 'rating': Input should be less than or equal to 10",
        ),
        (says(reason="x", rating="3"), "'rating': Input should be a valid integer"),
        (says(reason="x", rating=3.5), "'rating'"),
        (says(rating=3), "'reason': Field required"),
        (says(reason="x", rating=3, mood="glad"), "'mood': Extra inputs are not permitted"),
        (failure(""), "no reason given"),
    ],
)
def test_what_is_not_of_the_form_is_an_error(response, error):
    _, [told] = asked_with(lambda _: response, ["abc"])
    assert told.value is None
    assert error in told.error and "\n" not in told.error


def test_a_reply_after_reasoning_counts_and_so_does_a_long_reason():
    answer = reply('{"reason": "' + "x" * 500 + '", "rating": 7}', reasoning="let me see")
    _, [told] = asked_with(lambda _: answer, ["abc"])
    assert told.value.rating == 7


def test_a_stream_is_read_only_as_far_as_replies_are_taken():
    judge = FakeGenerator(length, window=4)
    rows = pl.LazyFrame({"question": ["abc"] * 5000})
    replies = ask(
        judge, rows, ("question",), lambda row: (Message("user", "abc"),), Rating, temperature=0, max_tokens=9
    )
    next(replies)
    assert len(judge.asked) == 4


def test_forms_may_differ_from_request_to_request():
    class Word(BaseModel):
        word: str

    def answer(request):
        return says(word="x") if "word" in request.sampling.schema else length(request)

    user = (Message("user", "abc"),)
    told = list(
        ask_each(FakeGenerator(answer), [(user, Rating), ("no", Rating), (user, Word)], temperature=0, max_tokens=9)
    )
    assert [type(r.value).__name__ for r in told] == ["Rating", "NoneType", "Word"]


def test_a_generator_that_stops_early_or_goes_on_is_an_error():
    class Early(FakeGenerator):
        def generate(self, requests):
            yield next(iter(super().generate(requests)))

    class Late(FakeGenerator):
        def generate(self, requests):
            yield from super().generate(requests)
            yield length(self.asked[-1])

    def replies(kind):
        asked = [((Message("user", "abc"),), Rating)] * 3
        return list(ask_each(kind(length), asked, temperature=0, max_tokens=9))

    with pytest.raises(RuntimeError, match="stopped with 2 requests unanswered"):
        replies(Early)
    with pytest.raises(RuntimeError, match="more replies than it was asked for"):
        replies(Late)


def test_batches_come_beside_their_replies():
    rows = pl.LazyFrame({"n": range(10)})
    pairs = list(beside(rows, iter(range(10)), batch_rows=3))
    assert pairs[0][0].schema == rows.collect_schema() and pairs[0][1] == []
    assert [n for batch, _ in pairs for n in batch["n"]] == list(range(10))
    assert all(batch["n"].to_list() == told for batch, told in pairs)
    with pytest.raises(RuntimeError, match="more replies than rows"):
        finish(iter([1]))


def test_tasks_are_short_lines_that_differ():
    assert len(set(TASKS)) == len(TASKS) == 12
    assert all("\n" not in task and len(task) < 80 for task in TASKS)
    assert labelled(question="q", answer="a\nb") == "Question: q\n\nAnswer: a\nb"
