from __future__ import annotations

import polars as pl

from ot_assets.strategies import apply
from ot_assets.strategies.filter.ask_llm import GOOD, POOR
from ot_assets.strategies.tasks import ASK_LLM
from ot_resources.generators import open_generator

from ..fakes import FakeGenerator, FirstLines, failure, says
from ..frames import both, evidence, questions


def rated(request):
    asked = request.messages[-1].content
    return failure("out of quota") if asked == "fail" else says(reason="so it seems", rating=int(asked))


def test_the_best_rated_stay_with_their_rating():
    kept, dropped = both(
        "filter.ask_llm", questions("5", "99", "fail", "100", "101"), generator=FakeGenerator(rated), keep=2
    )
    assert kept["ask_llm"].to_list() == [99, 100] and kept.schema["ask_llm"] == pl.Int64
    assert dropped["drop_reason"].to_list() == ["low_rating", "judge_failed", "judge_failed"]
    told = evidence(dropped)
    assert (told[0]["score"], told[0]["reason"], told[0]["model"]) == (5, "so it seems", "fake@1")
    assert told[1]["error"] == "out of quota"
    assert "less than or equal to 100" in told[2]["error"]


def test_the_judge_reads_five_examples_of_each_and_then_the_bare_question():
    judge = FakeGenerator(rated)
    apply("filter.ask_llm", questions("7"), generator=judge, at_least=1)
    system, user = judge.asked[0].messages
    assert system.content.splitlines()[0] == ASK_LLM
    assert len(GOOD) == len(POOR) == 5
    assert all(example in system.content for example in GOOD + POOR)
    assert (user.content, judge.asked[0].sampling.temperature) == ("7", 1.0)


def test_the_embedded_model_rates(teacher):
    with open_generator("embedded") as judge:
        kept = apply(
            "filter.ask_llm", questions("What is 2 + 3?"), generator=FirstLines(judge), at_least=1
        ).kept.collect()
    assert kept["ask_llm"].is_between(1, 100).all() and len(kept) == 1
