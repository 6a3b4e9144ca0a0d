from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput, Message

from ..fakes import FakeGenerator, failure, reply
from ..frames import both, collected, evidence, questions


def wordy(request):
    """As many characters as the question says; `fail` fails."""
    asked = request.messages[-1].content
    return failure("out of quota") if asked == "fail" else reply("x" * int(asked))


def test_the_longest_stay_in_input_order():
    frame = questions("5", "9", "1", "7")
    kept, dropped = both("filter.response_length", frame, generator=FakeGenerator(wordy), keep=2)
    assert kept["question"].to_list() == ["9", "7"]
    assert kept["response_characters"].to_list() == [9, 7]
    assert kept.schema["response_characters"] == pl.Int64
    assert set(dropped["drop_reason"]) == {"short_response"}
    told = {"keep": 2, "cutoff": 7, "at_least": None, "error": None, "model": "fake@1"}
    assert evidence(dropped) == [told | {"score": 5, "rank": 3}, told | {"score": 1, "rank": 4}]


def test_equal_lengths_are_ordered_by_seed_and_id_or_as_published():
    def kept(**params):
        frame = questions("5", "5", "5", "6", "5", "5")
        return both("filter.response_length", frame, generator=FakeGenerator(wordy), keep=3, **params)[0]["question_id"]

    assert kept(compat="input_order").to_list() == ["q0", "q1", "q3"]
    drawn = {tuple(kept(seed=seed)) for seed in range(6)}
    assert len(drawn) > 1
    assert all("q3" in ids for ids in drawn)


def test_tokens_are_those_that_the_model_wrote():
    judge = FakeGenerator(lambda r: replace(reply("xxxxxx"), completion_tokens=int(r.messages[-1].content)))
    kept, _ = both("filter.response_length", questions("5", "9"), generator=judge, keep=1, unit="tokens")
    assert kept.select("question", "response_tokens").to_dicts() == [{"question": "9", "response_tokens": 9}]


def test_a_least_length_needs_no_number_of_rows():
    kept, _ = both("filter.response_length", questions("5", "9", "6"), generator=FakeGenerator(wordy), at_least=6)
    assert kept["question"].to_list() == ["9", "6"]


def test_nobody_is_asked_when_nothing_says_what_is_kept():
    judge = FakeGenerator(wordy)
    with pytest.raises(BadInput, match="filter.response_length: give 'keep'"):
        apply("filter.response_length", questions("5"), generator=judge)
    assert judge.asked == []


def test_the_whole_response_counts_with_its_reasoning():
    judge = FakeGenerator(lambda r: reply("a", reasoning="long" if r.messages[-1].content == "x" else None))
    kept, _ = both("filter.response_length", questions("y", "x"), generator=judge, keep=1)
    assert kept["question"].to_list() == ["x"]
    assert kept["response_characters"].to_list() == [len("<think>long</think>a")]


def test_what_the_judge_cannot_answer_is_dropped_with_the_error():
    kept, dropped = both("filter.response_length", questions("3", "fail", "4"), generator=FakeGenerator(wordy), keep=3)
    assert kept["question"].to_list() == ["3", "4"]
    assert dropped["drop_reason"].to_list() == ["judge_failed"]
    assert evidence(dropped)[0]["error"] == "out of quota"


def test_per_source_keeps_of_each():
    frame = pl.concat([questions("9", "8", "7", source="x"), questions("1", "2", source="y")])
    kept, dropped = both("filter.response_length", frame, generator=FakeGenerator(wordy), keep=1, per_source=True)
    assert kept["question"].to_list() == ["9", "2"]
    assert [told["cutoff"] for told in evidence(dropped)] == [9, 9, 2]


def test_the_judge_sees_the_bare_question_and_the_sampling():
    judge = FakeGenerator(wordy)
    split = apply(
        "filter.response_length", questions("3", "4"), generator=judge, keep=1, max_tokens=77, temperature=0.5
    )
    collected(split)
    assert [request.messages for request in judge.asked] == [(Message("user", "3"),), (Message("user", "4"),)]
    assert {(r.sampling.max_tokens, r.sampling.temperature, r.sample) for r in judge.asked} == {(77, 0.5, 0)}


def test_no_questions_ask_nothing():
    judge = FakeGenerator(wordy)
    kept, _ = both("filter.response_length", questions(), generator=judge, keep=3)
    assert kept.is_empty()
    assert "response_characters" in kept.columns
    assert judge.asked == []


def test_a_judge_that_stops_early_is_an_error():
    class Lazy(FakeGenerator):
        def generate(self, requests):
            yield next(iter(super().generate(requests)))

    with pytest.raises(RuntimeError, match=r"answered 1 of \d"):
        apply("filter.response_length", questions("1", "2"), generator=Lazy(wordy), keep=1)


def test_it_needs_a_generator():
    with pytest.raises(BadInput, match="needs a generator"):
        apply("filter.response_length", questions("1"), keep=1)
