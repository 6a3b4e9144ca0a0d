from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.filter.rubrics import RUBRICS
from ot_assets.strategies.tasks import DIFFICULTY
from ot_resources.generators import open_generator
from ot_resources.interfaces import BadInput

from ..fakes import FakeGenerator, FirstLines, failure, says
from ..frames import both, evidence, questions


def rated(request):
    """The question is its own rating; `fail` fails."""
    asked = request.messages[-1].content
    return failure("out of quota") if asked == "fail" else says(reason=f"looks like {asked}", rating=int(asked))


def difficulty(frame, **params):
    return both("filter.difficulty", frame, generator=FakeGenerator(rated), rubric="icpc", **params)


def test_the_hardest_stay_in_input_order_with_their_difficulty():
    kept, dropped = difficulty(questions("5", "9", "1", "7"), keep=2)
    assert kept["question"].to_list() == ["9", "7"]
    assert kept["difficulty"].to_list() == [9, 7] and kept.schema["difficulty"] == pl.Int64
    assert dropped["drop_reason"].to_list() == ["too_easy"] * 2
    told = evidence(dropped)[0]
    assert (told["score"], told["cutoff"], told["reason"]) == (5, 7, "looks like 5")
    assert (told["model"], told["rubric"], told["error"]) == ("fake@1", "icpc", None)


def test_a_threshold_keeps_all_that_reach_it():
    kept, _ = difficulty(questions("5", "9", "5", "4"), at_least=5)
    assert kept["difficulty"].to_list() == [5, 9, 5]


def test_each_source_has_its_quota():
    frame = pl.concat([questions("9", "8", source="x"), questions("1", "2", source="y")])
    assert difficulty(frame, keep=1, per_source=True)[0]["question"].to_list() == ["9", "2"]
    assert difficulty(frame, keep={"x": 2, "y": 1})[0]["question"].to_list() == ["9", "8", "2"]


def test_ties_go_by_the_seed_or_with_compat_by_input_order():
    frame = questions(*["5"] * 50)
    by_seed = [difficulty(frame, keep=5, seed=seed)[0]["question_id"].to_list() for seed in (1, 2)]
    assert by_seed[0] != by_seed[1]
    turned = difficulty(frame.reverse(), keep=5, seed=1)[0]["question_id"].to_list()
    assert turned == by_seed[0][::-1]
    first = difficulty(frame, keep=5, compat="input_order")[0]["question_id"].to_list()
    assert first == ["q0", "q1", "q2", "q3", "q4"]


def test_what_cannot_be_rated_is_dropped_with_the_error():
    kept, dropped = difficulty(questions("3", "fail", " ", "11", None), keep=9)
    assert kept["question"].to_list() == ["3"]
    assert set(dropped["drop_reason"]) == {"judge_failed"}
    errors = [told["error"] for told in evidence(dropped)]
    assert errors[:2] == ["out of quota", "the question is empty"]
    assert "less than or equal to 10" in errors[2]
    assert errors[3] == "the question is empty"


@pytest.mark.parametrize("rubric", list(RUBRICS))
def test_the_judge_reads_the_rubric_and_then_the_bare_question(rubric):
    judge = FakeGenerator(rated)
    apply("filter.difficulty", questions("3"), generator=judge, rubric=rubric, keep=1)
    system, user = judge.asked[0].messages
    assert system.content.splitlines()[0] == DIFFICULTY
    assert all(f"\n{level}. " in system.content for level in range(1, 11))
    assert user.content == "3"
    assert judge.asked[0].sampling.temperature == 1.0


def test_bad_parameters_are_told_before_anything_is_asked():
    judge = FakeGenerator(rated)
    with pytest.raises(BadInput, match=r"filter\.difficulty: give 'keep'"):
        apply("filter.difficulty", questions("1"), generator=judge, rubric="icpc")
    with pytest.raises(BadInput, match="'rubric'"):
        apply("filter.difficulty", questions("1"), generator=judge, rubric="chess", keep=1)
    assert judge.asked == []


def test_the_embedded_model_rates_and_says_where_it_cannot(teacher):
    frame = questions("What is 2 + 3?", "Find x. " * 400, "Simplify 3x + 4x.")
    with open_generator("embedded") as judge:
        split = apply("filter.difficulty", frame, generator=FirstLines(judge), rubric="aops", at_least=1)
        kept, dropped = split.kept.collect(), split.dropped.collect()
    assert kept["question_id"].to_list() == ["q0", "q2"]
    assert kept["difficulty"].is_between(1, 10).all()
    assert dropped["drop_reason"].to_list() == ["judge_failed"]
    assert "longer than the 256" in evidence(dropped)[0]["error"]
