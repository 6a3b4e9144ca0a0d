"""Why a choice was made is told with the dataset, and makes no table anew."""

from __future__ import annotations

import json

import pytest

from ot_assets.graph.assets import stage_asset
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_resources.interfaces import BadInput
from ot_resources.warehouse import Warehouse
from tests.graph.running import make
from tests.recipes.small import math, recipe, write_recipe

WHY = {"study": "which_twins", "variant": "exact", "verdict": "tie", "scores": {"exact": {"score": 50.5, "se": 1}}}


def told(data_root) -> dict[str, dict[str, object] | None]:
    """What lineage says of each stage of the dataset as it is; two rows of one stage would be an error."""
    with Warehouse(root=str(data_root)).connect() as connection:
        rows = connection.execute(
            "select stage, because from lineage.choices where dataset = 'small/dataset' and is_current"
        ).fetchall()
    stages = [stage for stage, _ in rows]
    assert sorted(set(stages)) == sorted(stages)
    return {stage: json.loads(why) if why else None for stage, why in rows}


def test_a_reason_that_is_added_makes_nothing_anew_and_is_told(tmp_path, data_root):
    body = recipe()
    before = make(write_recipe(tmp_path, body), run_id="first")
    assert set(told(data_root).values()) == {None}
    math(body)[0]["because"] = {"study": "which_sources"}
    math(body)[2]["because"] = WHY
    after = make(write_recipe(tmp_path, body), run_id="second")
    assert {name: one.version.version for name, one in after.items()} == {
        name: one.version.version for name, one in before.items()
    }
    assert all(one.reused for one in after.values())
    found = told(data_root)
    assert found.pop("dedup") == WHY and found.pop("sources") == {"study": "which_sources"}
    assert set(found.values()) == {None}


def test_the_reasons_of_a_dataset_that_is_built_on_are_told_too(tmp_path, data_root):
    body = recipe()
    math(body)[2]["because"] = WHY
    write_recipe(tmp_path, body)
    upper = recipe() | {"name": "upper"}
    math(upper)[0] = {"sources": [{"recipe": "small.yaml"}]}
    math(upper)[5]["because"] = {"study": "which_answers"}
    make(write_recipe(tmp_path, upper, "upper.yaml"))
    with Warehouse(root=str(data_root)).connect() as connection:
        rows = connection.execute(
            "select recipe, stage, because->>'study' from lineage.choices"
            " where dataset = 'upper/dataset' and because is not null order by recipe"
        ).fetchall()
    assert rows == [("small", "dedup", "which_twins"), ("upper", "select", "which_answers")]


def test_the_asset_names_the_study(tmp_path):
    body = recipe()
    math(body)[2]["because"] = WHY
    (node,) = [node for node in plan(load_recipe(write_recipe(tmp_path, body))) if node.stage == "dedup"]
    (text,) = stage_asset(node).descriptions_by_key.values()
    assert "Chosen because of the study which_twins, variant exact (tie)." in text


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("it is better", "a mapping that names a study"),
        ({"variant": "exact"}, "because.study: the name of a study is missing"),
        ({"study": ["a", "b"]}, "because.study: input should be a valid string"),
        ({"study": "a", "becuase": "b"}, "because.becuase: unknown key; there is: study, variant, version"),
        ({"study": "a", "scores": {"exact": 50}}, "because.scores.exact: input should be a valid dictionary"),
        ({"study": "a", "scores": {"exact": {"score": "high"}}}, "because.scores.exact.score: input should be a valid"),
        ({"study": ""}, "because.study: string should have at least 1 character"),
    ],
)
def test_what_is_no_reason_is_told_in_one_line(tmp_path, why, said):
    body = recipe()
    math(body)[2]["because"] = why
    with pytest.raises(BadInput) as caught:
        load_recipe(write_recipe(tmp_path, body))
    assert "small.yaml: tracks.math[2].because" in str(caught.value)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_reason_without_a_stage_is_no_item(tmp_path):
    body = recipe()
    math(body).insert(2, {"because": WHY})
    with pytest.raises(BadInput, match=r"tracks.math\[2\]: each item names one stage"):
        load_recipe(write_recipe(tmp_path, body))
