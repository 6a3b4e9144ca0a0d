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
from tests.recipes.small import math, recipe, write_recipe

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
    standing = scoreboard_node(plan, tools()).params["standing"]
    assert (standing["reused"]["verdict"], standing["reused"]["reason"]) == ("failed", "the endpoint refused all")
    assert (standing["plain"]["verdict"], standing["plain"]["reason"]) == ("not made", "questions: not made yet")


def told(plan, strict=False, **how):
    """The reasons why variants have no scores."""
    standing = scoreboard_node(plan, tools(**how), strict).params["standing"]
    return {one["reason"] for one in standing.values()}


def made(tmp_path, body=None, recipe_body=None, **how):
    """The plan of a study, with what its variants share."""
    file = write_study(tmp_path, body)
    if recipe_body:
        write_recipe(tmp_path, recipe_body)
    plan = plan_study(load_study(file))
    for node in plan.base:
        execute(node, tools(**how))
    return plan


FIRST = {"filtered: not made yet"}


def test_what_variants_share_stays_in_use_and_compose_wants_it_as_it_would_be_now(tmp_path):
    plan = made(tmp_path)
    assert told(plan) == told(plan, strict=True) == FIRST
    (tmp_path / "asked.parquet").unlink()
    assert told(plan, strict=True) == FIRST, "what cannot be read stays in use"
    (tmp_path / "questions.parquet").write_bytes((tmp_path / "kept.parquet").read_bytes())
    assert told(plan) == FIRST
    assert told(plan, strict=True) == {"sources/made: made from another plan or in part; run it again"}


def test_another_choice_before_the_fork_makes_the_variants_another_studys(tmp_path):
    made(tmp_path)
    other = recipe()
    math(other)[1]["decontaminate"]["threshold"] = 80
    write_recipe(tmp_path, other)
    plan = plan_study(load_study(tmp_path / "small_study.yaml"))
    assert told(plan) == {"small/math/decontaminated: made from another plan or in part; run it again"}
    write_recipe(tmp_path)
    assert told(plan_study(load_study(tmp_path / "small_study.yaml")), strict=True) == FIRST


def test_who_answered_and_at_which_size_is_the_recipes_matter(tmp_path, teacher, monkeypatch):
    body = study() | {"stage": "select", "variants": {"all": "all", "first": {"use": "first"}}}
    asks = recipe() | {"format": {"use": "think", "require_reasoning": False, "keep_truncated": True}}
    math(asks)[3] = {"answers": {"use": "teacher", "samples": 1, "max_tokens": 16}}
    math(asks).insert(3, {"sample": {"use": "uniform", "n": 12}})
    plan = made(tmp_path, body, asks | {"scale": {"local": 0.5}}, scale=1)
    assert told(plan) == {"selected: not made yet"}
    assert told(plan, strict=True) == {"small/math/sampled: made from another plan or in part; run it again"}
    assert told(plan, strict=True, scale=1) == {"selected: not made yet"}
    monkeypatch.setenv("OT_TEACHER", "server:other@http://localhost:1/v1")
    assert told(plan, strict=True, scale=1) == {"selected: not made yet"}
