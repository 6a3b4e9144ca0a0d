from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from ot_assets.contracts import ANSWER
from ot_assets.strategies import apply
from ot_assets.strategies.answers import teacher as module
from ot_assets.strategies.prompts import CALL
from ot_assets.strategies.registry import Split
from ot_resources.interfaces import FinishReason, Message

from ..fakes import FakeGenerator, failure, reply
from ..frames import collected, evidence, questions


def echo(request):
    asked = request.messages[-1].content
    if asked == "bad" and request.sample == 1:
        return failure("too long")
    return reply(f"{asked}!{request.sample}", reasoning=f"thought {request.sample}")


def answers(frame: pl.DataFrame, **params) -> tuple[pl.DataFrame, pl.DataFrame]:
    eager = collected(apply("answers.teacher", frame, generator=FakeGenerator(echo), **params))
    lazy = collected(apply("answers.teacher", frame.lazy(), generator=FakeGenerator(echo), **params))
    assert eager[0].equals(lazy[0])
    assert eager[1].equals(lazy[1])
    return eager


def test_each_question_is_answered_a_number_of_times():
    frame = questions("a", "b", reference=["1", None])
    kept, dropped = answers(frame, samples=3)
    assert kept["question_id"].to_list() == ["q0"] * 3 + ["q1"] * 3
    assert kept["sample"].to_list() == [0, 1, 2] * 2
    assert kept["answer"].to_list() == ["a!0", "a!1", "a!2", "b!0", "b!1", "b!2"]
    assert kept["reasoning"][4] == "thought 1"
    assert kept["response_id"].to_list()[:2] == ["a#0", "a#1"]
    assert kept["reference"].to_list() == ["1"] * 3 + [None] * 3
    assert set(kept["finish_reason"]) == {"stop"}
    assert {c: t for c, t in kept.schema.items() if c in ANSWER} == {
        c: t for c, t in ANSWER.items() if c in kept.columns
    }
    assert dropped.is_empty()


def test_a_failed_request_is_dropped_and_stops_nothing():
    kept, dropped = answers(questions("a", "bad", "c"), samples=2)
    assert len(kept) + len(dropped) == 6
    assert dropped.select("question", "sample", "drop_reason").rows() == [("bad", 1, "request_failed")]
    assert evidence(dropped)[0]["error"] == "too long"
    assert dropped["answer"].to_list() == [None]


def test_what_was_held_back_failed_and_what_was_not_asked_is_pending():
    finishes = [FinishReason.STOP, FinishReason.CONTENT_FILTER, FinishReason.PENDING]
    engine = FakeGenerator(lambda request: replace(reply("4"), finish_reason=finishes[request.sample], error="why"))
    kept, dropped = collected(apply("answers.teacher", questions("a"), generator=engine, samples=3))
    assert kept["sample"].to_list() == [0]
    assert dropped.select("sample", "drop_reason", "answer").rows() == [
        (1, "request_failed", None),
        (2, "request_pending", None),
    ]
    assert [told["error"] for told in evidence(dropped)] == ["why", "why"]


def test_messages_and_sampling_are_those_of_the_recipe():
    judge = FakeGenerator(echo)
    params = {"samples": 2, "temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "system": "Be brief."}
    collected(apply("answers.teacher", questions("a"), generator=judge, **params))
    assert judge.asked[0].messages == (Message("system", "Be brief."), Message("user", "a"))
    assert [request.sample for request in judge.asked] == [0, 1]
    sampling = judge.asked[0].sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (0.5, 0.9, 64)


def test_one_stream_of_requests_read_as_it_is_needed():
    frame = questions(*(str(n) for n in range(1000)))
    engine = FakeGenerator(echo, window=32)
    calls = []
    generate = engine.generate
    engine.generate = lambda requests: calls.append(1) or generate(requests)  # type: ignore[method-assign]
    pieces = module.teacher(frame.lazy(), teacher=engine, samples=2)
    assert next(pieces).kept.collect().is_empty()
    first = next(pieces)
    assert isinstance(first, Split)
    assert first.kept.collect()["sample"].len() == 512
    assert len(engine.asked) <= 512 + 32
    rest = pl.concat([piece.kept.collect() for piece in pieces])
    assert len(rest) == 2000 - 512
    assert len(engine.asked) == 2000
    assert calls == [1]


def test_more_questions_than_a_read_keep_their_answers():
    kept, _ = answers(questions(*(str(n) for n in range(300))), samples=3)
    assert kept["answer"].to_list() == [f"{n}!{s}" for n in range(300) for s in range(3)]
    assert kept["question"].to_list() == [str(n) for n in range(300) for _ in range(3)]


def test_no_questions_give_no_answers_but_all_columns():
    kept, dropped = answers(questions())
    assert set(ANSWER) - {"domain", "reference", "tests", "extra"} <= set(kept.columns)
    assert "drop_reason" in dropped.columns


def test_a_cut_answer_has_no_reasoning():
    engine = FakeGenerator(lambda request: reply("<think>on and on", finish=FinishReason.LENGTH))
    kept, _ = collected(apply("answers.teacher", questions("a"), generator=engine, samples=1))
    assert kept.select("reasoning", "answer", "finish_reason").row(0) == (None, "<think>on and on", "length")


def test_a_teacher_that_stops_early_is_an_error():
    class Lazy(FakeGenerator):
        def generate(self, requests):
            yield next(iter(super().generate(requests)))

    with pytest.raises(RuntimeError, match="requests unanswered"):
        apply("answers.teacher", questions("1", "2"), generator=Lazy(echo), samples=4)


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        (None, "a"),
        ("boxed", "Put the final answer in \\boxed{}.\n\na"),
        ("code", f"{CALL}\n\na\n\ndef f():"),
    ],
)
def test_the_teacher_sees_the_prefix_and_the_row_keeps_its_question(prefix, said):
    engine = FakeGenerator(echo)
    frame = questions("a", tests=['{"kind": "call", "fn_name": "f"}'], extra=['{"starter_code": "def f():"}'])
    kept, _ = collected(apply("answers.teacher", frame, generator=engine, samples=1, prefix=prefix))
    assert engine.asked[0].messages == (Message("user", said),)
    assert kept["question"].to_list() == ["a"]
    assert set(frame.columns) <= set(kept.columns)


def test_a_null_question_is_asked_as_nothing_whatever_the_prefix():
    engine = FakeGenerator(echo)
    collected(apply("answers.teacher", questions(None), generator=engine, samples=1, prefix="boxed"))
    assert engine.asked[0].messages == (Message("user", ""),)
