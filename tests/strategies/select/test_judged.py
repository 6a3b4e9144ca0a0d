from __future__ import annotations

import polars as pl

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import IS_CORRECT
from ot_resources.generators import open_generator

from ..fakes import FakeGenerator, FirstLines, failure, says
from ..frames import both, evidence, questions


def opinion(request):
    answer = request.messages[-1].content.rpartition("Answer: ")[2]
    return failure("out of quota") if answer == "fail" else says(reason=f"says {answer}", correct="2" in answer)


def answers(*texts: str | None) -> pl.DataFrame:
    return questions(*["1 + 1?"] * len(texts), answer=list(texts), sample=[0] * len(texts)).cast({"answer": pl.String})


def test_what_the_judge_takes_for_correct_stays():
    kept, dropped = both("select.judged", answers("2", "3", "fail", None, "22"), generator=FakeGenerator(opinion))
    assert kept.equals(answers("2", "3", "fail", None, "22").filter(pl.col("answer").str.contains("2")))
    assert dropped["drop_reason"].to_list() == ["judged_wrong", "judge_failed", "no_answer"]
    assert evidence(dropped) == [
        {"reason": "says 3", "error": None, "model": "fake@1"},
        {"reason": None, "error": "out of quota", "model": "fake@1"},
        {"reason": None, "error": "the answer is empty", "model": "fake@1"},
    ]


def test_the_judge_sees_question_and_answer_and_no_reference():
    judge = FakeGenerator(opinion)
    apply("select.judged", answers("2", "").with_columns(reference=pl.lit("7")), generator=judge)
    assert [request.messages[1].content for request in judge.asked] == ["Question: 1 + 1?\n\nAnswer: 2"]
    assert judge.asked[0].messages[0].content.splitlines()[0] == IS_CORRECT
    assert judge.asked[0].sampling.temperature == 0.0


def test_many_rows_keep_their_own_replies():
    frame = answers(*map(str, range(700)))
    kept, dropped = both("select.judged", frame, generator=FakeGenerator(opinion))
    assert kept.equals(frame.filter(pl.col("answer").str.contains("2")))
    assert [told["reason"] for told in evidence(dropped)] == [f"says {text}" for text in dropped["answer"]]


def test_no_rows_ask_nothing():
    judge = FakeGenerator(opinion)
    assert both("select.judged", answers(), generator=judge)[0].is_empty()
    assert judge.asked == []


def test_the_embedded_model_decides_and_says_where_it_cannot(teacher):
    with open_generator("embedded") as judge:
        split = apply("select.judged", answers("it is 2", "so it is 2. " * 200), generator=FirstLines(judge))
        kept, dropped = split.kept.collect(), split.dropped.collect()
    assert len(kept) + len(dropped) == 2
    assert dropped["drop_reason"][-1] == "judge_failed"
    assert "longer than the 256" in evidence(dropped)[-1]["error"]
