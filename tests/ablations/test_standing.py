"""How the variants of a study stand when its scoreboard is made."""

from __future__ import annotations

import pytest

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import QUESTIONS, plan_study, steps
from ot_assets.graph import failures
from ot_assets.graph.execute import execute
from ot_assets.graph.standing import scoreboard_node
from tests.ablations.small import study, write_study
from tests.graph.running import tools
from tests.recipes.small import math, recipe

pytestmark = pytest.mark.usefixtures("data_root")


def test_what_failed_before_the_questions_of_a_variant_is_told(tmp_path):
    plain = math(recipe())[0]["sources"]
    body = study() | {"stage": "sources", "variants": {"plain": plain, "reused": [{"recipe": "small.yaml"}]}}
    plan = plan_study(load_study(write_study(tmp_path, body)))
    for node in plan.base:
        execute(node, tools())
    made_at_once = steps(plan.variants["reused"])[QUESTIONS]
    assert len(made_at_once) == 2
    failures.note(tools().store, made_at_once[-1], "the endpoint refused all", None, "run")
    told = scoreboard_node(plan, tools()).params["standing"]
    assert (told["reused"]["verdict"], told["reused"]["reason"]) == ("failed", "the endpoint refused all")
    assert (told["plain"]["verdict"], told["plain"]["reason"]) == ("not made", "questions: not made yet")


def test_a_source_that_cannot_be_read_now_stays_in_use(tmp_path):
    plan = plan_study(load_study(write_study(tmp_path)))
    for node in plan.base:
        execute(node, tools())
    before = scoreboard_node(plan, tools()).params["standing"]
    (tmp_path / "asked.parquet").unlink()
    assert scoreboard_node(plan, tools()).params["standing"] == before
    (tmp_path / "questions.parquet").write_bytes((tmp_path / "kept.parquet").read_bytes())
    told = scoreboard_node(plan, tools()).params["standing"]
    assert {one["reason"] for one in told.values()} == {"sources/made: made from another plan or in part; run it again"}
