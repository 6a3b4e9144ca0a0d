from __future__ import annotations

import json
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import MAJORITY
from ot_resources.generators import open_generator

from ..fakes import FakeGenerator, FirstLines, failure, says
from ..frames import both, evidence
from .test_majority import samples, votes


def group(request):
    """Answers agree when they end in the same word; of the largest groups the first."""
    shown = re.findall(r"^Answer \d+: (.*)$", request.messages[-1].content, re.MULTILINE)
    if "fail" in shown[0]:
        return failure("out of quota")
    groups = {end: [n for n, text in enumerate(shown) if text.split()[-1] == end] for end in map(last_word, shown)}
    return says(reason="the ends agree", picked=max(groups.values(), key=len))


def last_word(text):
    return text.split()[-1]


def test_the_group_that_the_judge_picks_stays():
    kept, dropped = both("select.majority_judge", votes("so 4", "so 5", "it is 5"), generator=FakeGenerator(group))
    assert samples(kept) == [1, 2]
    assert dropped["drop_reason"].to_list() == ["minority"]
    told = {"reason": "the ends agree", "error": None, "picked": [1, 2], "answers": 3, "model": "fake@1"}
    assert evidence(dropped) == [told]


def test_the_judge_sees_the_ends_in_the_order_of_the_samples():
    judge = FakeGenerator(group)
    apply("select.majority_judge", votes("first 4", "then 5").reverse(), generator=judge, last_characters=4)
    [request] = judge.asked
    assert request.messages[0].content.splitlines()[0] == MAJORITY
    assert request.messages[1].content == "Answer 0: st 4\n\nAnswer 1: en 5"
    assert request.sampling.temperature == 0.0
    picked = json.loads(request.sampling.schema)["properties"]["picked"]
    assert (picked["minItems"], picked["maxItems"], picked["items"]["maximum"]) == (1, 2, 1)


def test_whole_answers_can_be_shown():
    judge = FakeGenerator(group)
    apply("select.majority_judge", votes("a " * 900 + "4", "so 4"), generator=judge, last_characters=None)
    assert "a " * 900 in judge.asked[0].messages[1].content


def test_a_single_answer_stays_and_is_not_asked_about():
    judge = FakeGenerator(group)
    kept, dropped = both("select.majority_judge", votes("so 4", None, " "), generator=judge)
    assert samples(kept) == [0]
    assert dropped["drop_reason"].to_list() == ["no_answer"] * 2
    assert evidence(dropped)[0]["error"] == "the answer is empty"
    assert judge.asked == []


def test_a_failure_drops_all_answers_of_its_question_only():
    frame = pl.concat([votes("fail 1", "so 1", question="a"), votes("so 2", "so 2", question="b")])
    kept, dropped = both("select.majority_judge", frame, generator=FakeGenerator(group))
    assert kept["question_id"].to_list() == ["b", "b"]
    assert dropped["drop_reason"].to_list() == ["judge_failed"] * 2
    assert [told["error"] for told in evidence(dropped)] == ["out of quota"] * 2


@pytest.mark.parametrize("picked", [[], [0, 0], [2], [-1], ["0"], [0, 1, 0]])
def test_a_group_that_cannot_be_is_a_failure(picked):
    judge = FakeGenerator(lambda _: says(reason="", picked=picked))
    kept, dropped = both("select.majority_judge", votes("so 1", "so 2"), generator=judge)
    assert kept.is_empty()
    assert dropped["drop_reason"].to_list() == ["judge_failed"] * 2
    assert "the reply is not of the form" in evidence(dropped)[0]["error"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["so 1", "so 2", ""])), max_size=16), st.randoms())
def test_the_order_of_the_rows_decides_nothing(ballots, random):
    frame = pl.DataFrame(
        [(question, number, text) for number, (question, text) in enumerate(ballots)],
        schema={"question_id": pl.String, "sample": pl.Int64, "answer": pl.String},
        orient="row",
    )
    wanted = set()
    for question in "abc":
        cast = {number: text for number, (asked, text) in enumerate(ballots) if asked == question and text}
        texts = list(cast.values())
        if texts:
            winner = max(texts, key=texts.count)
            wanted |= {number for number, text in cast.items() if text == winner}
    order = list(range(len(ballots)))
    random.shuffle(order)
    judge = FakeGenerator(group)
    kept = apply("select.majority_judge", frame[order], generator=judge).kept.collect()
    assert samples(kept) == [number for number in order if number in wanted]


def test_the_judge_is_asked_while_the_rows_are_read():
    begun = []

    def answer(request):
        begun.append(len(judge.asked))
        return group(request)

    judge = FakeGenerator(answer, window=4)
    frame = pl.concat([votes("so 1", "so 2", question=str(number)) for number in range(1000)])
    kept = apply("select.majority_judge", frame, generator=judge).kept.collect()
    assert begun[0] == 4
    assert samples(kept) == [0] * 1000


def test_the_embedded_model_picks_and_says_where_it_cannot(teacher):
    frame = pl.concat([votes("it is 2", "it is 2", question="a"), votes("is 2 " * 300, "it is 2", question="b")])
    with open_generator("embedded") as judge:
        split = apply("select.majority_judge", frame, generator=FirstLines(judge))
        kept, dropped = split.kept.collect(), split.dropped.collect()
    assert len(kept) + len(dropped) == len(frame)
    assert set(kept["question_id"]) <= {"a"}
    told = dict(zip(dropped["question_id"], evidence(dropped), strict=True))
    assert "longer than the 256" in told["b"]["error"]
