from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.tasks import SAME_ANSWER
from ot_resources.generators import open_generator
from ot_resources.interfaces import FinishReason

from ..fakes import FakeGenerator, FirstLines, failure, reply, says

ANSWERS = pl.DataFrame(
    {
        "question": ["1 + 1?"] * 7,
        "reference": ["2", "2", None, "  ", "2", "2", "2"],
        "answer": ["it is 2", "it is 3", "2", "2", None, "fail", "cut"],
        "other": range(7),
    }
)


def compare(request):
    answer = request.messages[-1].content.rpartition("Answer: ")[2]
    if answer == "fail":
        return failure("out of quota")
    if answer == "cut":
        return reply('{"reason": "it', finish=FinishReason.LENGTH)
    return says(reason=f"says {answer}", correct="2" in answer)


def test_the_judge_decides_what_it_can_and_says_why_where_it_cannot():
    out = apply("verify.judge", ANSWERS, generator=FakeGenerator(compare)).kept.collect()
    assert out["other"].to_list() == list(range(7))
    assert out["verdict"].to_list() == [
        "right",
        "wrong",
        "unavailable",
        "unavailable",
        "unparsed",
        "unavailable",
        "unavailable",
    ]
    assert out["verdict_reason"].to_list() == [
        "says it is 2",
        "says it is 3",
        "no reference",
        "no reference",
        "the answer is empty",
        "the judge failed: out of quota",
        "the judge failed: the reply was cut off after 14 tokens",
    ]
    assert out["verdict_by"].unique().to_list() == ["judge@2 fake@1"]


def test_only_what_can_be_judged_is_asked_and_greedily():
    judge = FakeGenerator(compare)
    apply("verify.judge", ANSWERS, generator=judge, max_tokens=99).kept.collect()
    assert len(judge.asked) == 4
    system, user = judge.asked[0].messages
    assert system.content.splitlines()[0] == SAME_ANSWER
    assert user.content == "Question: 1 + 1?\n\nReference: 2\n\nAnswer: it is 2"
    assert {(r.sampling.temperature, r.sampling.max_tokens) for r in judge.asked} == {(0.0, 99)}


@pytest.mark.parametrize(("subject", "word"), [("math", "boxed"), ("puzzle", "option"), ("science", "substance")])
def test_the_subject_chooses_the_wording(subject, word):
    judge = FakeGenerator(compare)
    apply("verify.judge", ANSWERS, generator=judge, subject=subject).kept.collect()
    assert word in judge.asked[0].messages[0].content


def test_rows_of_several_batches_keep_their_verdicts():
    numbers = [str(n) for n in range(600)]
    frame = pl.DataFrame({"question": numbers, "reference": ["2"] * 600, "answer": numbers})
    out = apply("verify.judge", frame, generator=FakeGenerator(compare)).kept.collect()
    assert out["answer"].to_list() == numbers
    assert out["verdict"].to_list() == ["right" if "2" in number else "wrong" for number in numbers]


def test_no_rows_give_no_rows_with_the_columns():
    out = apply("verify.judge", ANSWERS.clear(), generator=FakeGenerator(compare)).kept.collect()
    assert out.is_empty() and {"verdict", "verdict_by", "other"} <= set(out.columns)


def test_the_embedded_model_judges_and_an_answer_beyond_its_window_is_unavailable(teacher):
    frame = ANSWERS.head(2).with_columns(answer=pl.Series(["it is 2", "so it is 2. " * 200]))
    with open_generator("embedded") as judge:
        out = apply("verify.judge", frame, generator=FirstLines(judge)).kept.collect()
    assert out["verdict"][0] in ("right", "wrong")
    assert out["verdict"][1] == "unavailable"
    assert "the judge failed: prompt of" in out["verdict_reason"][1]
    assert out["verdict_by"][0].startswith("judge@2 embedded:")


TWO = pl.DataFrame(
    {
        "question": ["1 + 1?"] * 6,
        "reference": ["2", "2", "2", "2", None, "2"],
        "answer": [r"\boxed{2}", r"\boxed{3}", "it is 2", "it is 3", r"\boxed{2}", None],
    }
)


def test_after_a_checker_the_judge_is_asked_only_what_that_could_not_decide():
    judge = FakeGenerator(compare)
    out = apply("verify.judge", TWO, generator=judge, after="math").kept.collect()
    assert len(judge.asked) == 2
    assert out["verdict"].to_list() == ["right", "wrong", "right", "wrong", "unavailable", "unparsed"]
    assert out["verdict_by"].to_list() == ["math", "math", "judge@2 fake@1", "judge@2 fake@1", "math", "math"]
    both = [[(part["by"], part["verdict"]) for part in row] for row in out["verdicts"].to_list()]
    assert both[0] == [("math", "right"), ("judge@2 fake@1", "unavailable")]
    assert both[2] == [("math", "unparsed"), ("judge@2 fake@1", "right")]


@pytest.mark.parametrize(("rule", "verdict"), [("first", "right"), ("judge", "wrong"), ("both", "wrong")])
def test_where_two_checkers_differ_the_rule_decides(rule, verdict):
    answers = TWO.head(2)
    judge = FakeGenerator(lambda request: says(reason="no", correct=False))
    out = apply("verify.judge", answers, generator=judge, after="math", asks="all", rule=rule).kept.collect()
    assert len(judge.asked) == 2
    assert out["verdict"].to_list() == [verdict, "wrong"]
    assert [part["verdict"] for part in out["verdicts"][0]] == ["right", "wrong"]
    if rule == "both":
        assert out["verdict_reason"][0] == "math says right (equal), judge@2 fake@1 wrong (no)"


def test_without_another_checker_there_is_no_column_of_verdicts():
    out = apply("verify.judge", TWO, generator=FakeGenerator(compare)).kept
    assert "verdicts" not in out.collect_schema()
