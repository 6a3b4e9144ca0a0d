"""What a recipe comes to: its choices, the tables that follow, and the sizes of a run."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import yaml

import ot_assets.recipes
from ot_assets.contracts import STAGES
from ot_assets.recipes.library import find_recipe, recipes
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node, plan, plan_all
from tests.recipes.small import math, recipe, write_recipe

FOLDER = Path(ot_assets.recipes.__file__).parent


@pytest.fixture(scope="module")
def openthoughts3() -> Recipe:
    return find_recipe("openthoughts3_1_2m")


def nodes(recipe: Recipe) -> dict[str, Node]:
    return {node.name: node for node in plan(recipe)}


def scaled(recipe: Recipe, name: str, environment: str = "local", scale: float | None = None) -> dict:
    return nodes(recipe)[f"{recipe.name}/{name}"].scaled(environment, scale)


def test_every_recipe_of_the_project_loads():
    names = {yaml.safe_load(file.read_text())["name"] for file in FOLDER.glob("*.yaml")}
    assert "openthoughts3_1_2m" in names
    assert {recipe.name for recipe in recipes()} == names


def test_the_choices_of_openthoughts3_are_those_of_its_yaml(openthoughts3):
    raw = yaml.safe_load((FOLDER / "openthoughts3_1_2m.yaml").read_text())
    written = [
        (track, *next(iter(item.items())))
        for track, items in raw["tracks"].items()
        for item in items
        if "sources" not in item
    ]
    read = [(track, c.stage, c.use) for track, c in openthoughts3.choices() if c.stage != "format"]
    assert read == [(track, stage, body["use"]) for track, stage, body in written]
    assert {c.use for _, c in openthoughts3.choices() if c.stage == "format"} == {raw["format"]}


def test_every_table_comes_after_those_it_reads(openthoughts3):
    seen: set[tuple[str, ...]] = set()
    for node in plan(openthoughts3):
        assert set(node.upstream) <= seen, node.name
        seen.add(node.key)
    assert len(seen) == len(plan(openthoughts3))


def test_the_miniature_is_to_scale(openthoughts3):
    tracks = ("math", "code", "science")
    assert [scaled(openthoughts3, f"{track}/sampled")["n"] for track in tracks] == [108, 32, 13]
    assert scaled(openthoughts3, "dataset")["rows"] == {"math": 1632, "code": 480, "science": 192}
    assert [scaled(openthoughts3, f"{track}/answers")["samples"] for track in tracks] == [16, 16, 16]
    spare = [scaled(openthoughts3, f"{t}/sampled")["n"] * 16 for t in tracks]
    assert all(have > need for have, need in zip(spare, [1632, 480, 192], strict=True))


@pytest.mark.parametrize(
    ("environment", "scale", "sampled", "rows"),
    [
        ("gpu", None, 55782, 850_000),
        ("local", 1.0, 55782, 850_000),
        ("local", 0.1, 5579, 85_000),
        ("local", 1e-9, 1, 1),
    ],
)
def test_other_scales(openthoughts3, environment, scale, sampled, rows):
    assert scaled(openthoughts3, "math/sampled", environment, scale)["n"] == sampled
    assert scaled(openthoughts3, "dataset", environment, scale)["rows"]["math"] == rows


def test_what_counts_no_rows_is_not_scaled(openthoughts3):
    assert scaled(openthoughts3, "math/decontaminated")["threshold"] == 75
    assert scaled(openthoughts3, "math/answers")["max_tokens"] == 32_000
    assert scaled(openthoughts3, "math/sampled")["seed"] == 42


def test_only_questions_that_are_sampled_have_spares(openthoughts3):
    assert openthoughts3.dataset.spare == Fraction(1, 20)
    assert scaled(openthoughts3, "math/filtered")["keep"] == round(180_000 * 0.00192)


def test_a_stage_may_occur_twice_under_another_name(tmp_path):
    body = recipe()
    math(body).insert(3, {"dedup": {"use": "exact", "as": "deduplicated_again"}})
    made = nodes(load_recipe(write_recipe(tmp_path, body)))
    assert made["small/math/deduplicated_again"].inputs == (("small", "math", "deduplicated"),)
    assert made["small/math/answers"].inputs == (("small", "math", "deduplicated_again"),)
    assert made["small/math/deduplicated_again"].kind == "deduplicated"


def test_stages_come_in_the_order_of_the_recipe(tmp_path):
    body = recipe()
    stages = math(body)
    stages[1], stages[2] = stages[2], stages[1]
    made = nodes(load_recipe(write_recipe(tmp_path, body)))
    assert made["small/math/deduplicated"].inputs == (("small", "math", "questions"),)
    assert made["small/math/decontaminated"].inputs == (("small", "math", "deduplicated"),)
    assert made["small/math/answers"].inputs == (("small", "math", "decontaminated"),)


@pytest.mark.parametrize(
    "stages",
    [
        [{"decontaminate": {"use": "none", "reason": "a trial"}}, {"dedup": {"use": "none", "reason": "a trial"}}],
        [{"dedup": "exact"}, {"decontaminate": {"use": "none", "reason": "a trial"}}],
    ],
)
def test_a_reason_stands_in_for_a_stage_that_a_teacher_needs(tmp_path, stages):
    body = recipe()
    math(body)[1:4] = [*stages, {"answers": {"use": "teacher", "samples": 2}}]
    load_recipe(write_recipe(tmp_path, body))


def test_a_teacher_that_is_not_asked_is_not_guarded(tmp_path):
    body = recipe()
    math(body)[1:3] = []
    load_recipe(write_recipe(tmp_path, body))


def test_tracks_of_one_domain_and_sources_in_two_tracks(tmp_path):
    body = recipe()
    source = math(body)[0]["sources"][0]
    source["domain"] = "math"
    body["tracks"] = {"old": math(body), "new": math(body)}
    made = nodes(load_recipe(write_recipe(tmp_path, body)))
    assert made["small/old/questions"].inputs == made["small/new/questions"].inputs == (("sources", "made"),)
    assert made["small/dataset"].inputs == (("small", "old", "formatted"), ("small", "new", "formatted"))


def test_sources_and_benchmarks_are_shared_between_recipes(tmp_path):
    first = load_recipe(write_recipe(tmp_path))
    second = load_recipe(write_recipe(tmp_path, recipe() | {"name": "other"}, "other.yaml"))
    shared = plan_all([first, second])
    outside = [key for key in shared if key[0] in ("sources", "benchmarks")]
    assert len(outside) == 2
    assert len(shared) == len(outside) + 2 * (len(plan(first)) - len(outside))


def test_the_code_version_tells_strategy_version_and_parameters(tmp_path):
    before = nodes(load_recipe(write_recipe(tmp_path)))
    body = recipe()
    math(body)[1]["decontaminate"]["threshold"] = 80
    after = nodes(load_recipe(write_recipe(tmp_path, body)))
    changed = {name for name in before if before[name].code_version != after[name].code_version}
    assert changed == {"small/math/decontaminated"}
    node = before["small/math/deduplicated"]
    assert node.code_version.startswith(f"dedup.exact@{node.strategy.version}+")


def test_a_folder_of_recipes_joins_those_of_the_project(tmp_path, monkeypatch):
    write_recipe(tmp_path)
    monkeypatch.setenv("OT_RECIPES", str(tmp_path))
    assert {"small", "openthoughts3_1_2m"} <= {recipe.name for recipe in recipes()}
    assert find_recipe("small").file == tmp_path / "small.yaml"


def test_every_stage_makes_a_table_of_its_own_name():
    assert len({stage.asset for stage in STAGES.values()}) == len(STAGES)
