"""What studies chose becomes a recipe that runs at once, and whose dataset tells the studies behind it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from ot_assets.ablations.compose import compose
from ot_assets.ablations.loading import load_study
from ot_assets.ablations.text import as_text
from ot_assets.ablations.winner import winner
from ot_assets.cli.compose import composed
from ot_assets.cli.main import main
from ot_assets.recipes.finding import recipe_files
from ot_assets.recipes.loading import load_recipe, read_yaml
from ot_resources.interfaces import BadInput
from ot_resources.warehouse import Warehouse
from tests.ablations.boards import scored, write_study
from tests.graph.running import make
from tests.recipes.small import RIGHT, math, recipe, write_recipe

SELECT = {"name": "which_answers", "stage": "select", "variants": {"everything": "all", "right_ones": "verified"}}
DEDUP = {
    "name": "which_twins",
    "stage": "dedup",
    "variants": {"none": {"use": "none", "reason": "compared"}, "exact": "exact", "near": {"use": "indel"}},
}


@pytest.fixture
def folder(tmp_path: Path, data_root: Path) -> Path:
    write_recipe(tmp_path / "studies")
    return tmp_path / "studies"


def item(file: Path, stage: str) -> dict[str, object]:
    items = yaml.safe_load(file.read_text())["tracks"]["math"]
    return next(one for one in items if stage in one)


def test_the_composed_recipe_runs_and_its_choices_name_their_studies(folder, tmp_path, data_root):
    select, dedup = write_study(folder, SELECT), write_study(folder, DEDUP)
    scored(select, {"everything": 0.2, "right_ones": 0.8})
    scored(dedup, {"none": 0.5, "exact": 0.2, "near": 0.9})
    out = tmp_path / "best.yaml"
    composed((str(select), str(dedup)), out, None)
    made = make(out)
    assert made["best/dataset"].version.rows == RIGHT
    assert {node: one.reused for node, one in made.items()}["sources/made"], "what a study made is made once"
    with Warehouse(root=str(data_root)).connect() as connection:
        rows = connection.execute(
            "select stage, strategy, because from lineage.choices where dataset = 'best/dataset' and is_current"
        ).fetchall()
    told = {stage: (strategy, json.loads(why)) for stage, strategy, why in rows if why}
    assert {stage: (strategy, why["study"], why["variant"]) for stage, (strategy, why) in told.items()} == {
        "select": ("verified", "which_answers", "right_ones"),
        "dedup": ("indel", "which_twins", "near"),
    }
    why = told["select"][1]
    assert why["verdict"] == "winner"
    assert why["scores"]["right_ones"]["score"] == 80.0 and why["scores"]["everything"]["score"] == 20.0


def test_of_the_tied_the_cheapest_is_composed_and_that_it_tied_is_said(folder, tmp_path):
    scored(file := write_study(folder, DEDUP), {"none": 0.51, "exact": 0.5})
    composed((str(file),), out := tmp_path / "tied.yaml", None)
    found = item(out, "dedup")
    assert found["dedup"]["use"] == "none"
    assert found["because"]["verdict"] == "tie"
    assert found["because"]["note"].startswith("tied with exact") and "without scores: near" in found["because"]["note"]


def test_the_next_study_builds_on_the_composed_recipe(folder, tmp_path):
    scored(first := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    composed((str(first),), step := folder / "step.yaml", None)
    scored(second := write_study(folder, DEDUP | {"recipe": "step.yaml"}), {"none": 0.2, "near": 0.8})
    composed((str(first), str(second)), out := tmp_path / "both.yaml", None)
    assert item(out, "select")["because"]["study"] == "which_answers"
    assert item(out, "dedup")["dedup"]["use"] == "indel"
    assert load_recipe(step).name == "step" and load_recipe(out).name == "both"
    # The first study has another winner by now: the step between is no longer what it chose.
    scored(first, {"everything": 0.8, "right_ones": 0.2})
    with pytest.raises(BadInput, match="which_answers is a study of small, which_twins one of step"):
        composed((str(first), str(second)), out, None)


def test_what_the_recipe_lacks_is_put_in_its_place_and_counts_stay_the_recipes(folder, tmp_path):
    body = recipe()
    body["tracks"]["math"].insert(3, {"sample": {"use": "uniform", "n": 15, "published": 15}})
    body["dataset"] = {"rows": {"math": 15}, "published": 15}
    write_recipe(folder, body)
    study = {
        "name": "which_questions",
        "stage": ["filter", "sample"],
        "variants": {
            "some": {"filter": {"use": "random", "keep": 14}, "sample": {"use": "uniform", "n": 12}},
            "others": {"filter": {"use": "random", "keep": 14, "seed": 7}, "sample": {"use": "uniform", "n": 11}},
        },
    }
    scored(file := write_study(folder, study), {"some": 0.2, "others": 0.8})
    made = composed((str(file),), out := tmp_path / "chosen.yaml", None)
    stages = [next(iter(one)) for one in yaml.safe_load(out.read_text())["tracks"]["math"]]
    assert stages == ["sources", "decontaminate", "filter", "dedup", "sample", "answers", "verify", "select"]
    assert item(out, "filter")["filter"] == {"use": "random", "keep": 14, "seed": 7}
    assert item(out, "sample")["sample"] == {"use": "uniform", "n": 15}
    assert item(out, "sample")["because"]["note"] == "n stays 15; the study compared at 11"
    assert load_recipe(out).dataset.rows == {"math": "all"} and load_recipe(out).dataset.published is None
    assert any("dataset.rows.math was 15" in note for note in made.notes)


def test_files_and_ids_of_sources_are_the_same_from_anywhere(folder, tmp_path):
    body = recipe()
    del body["tracks"]["math"][0]["sources"][0]["id"]
    before = load_recipe(write_recipe(folder, body))
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    (tmp_path / "elsewhere").mkdir()
    for out in (folder / "beside.yaml", tmp_path / "elsewhere" / "far.yaml"):
        composed((str(file),), out, None)
        after = load_recipe(out)
        kept = [(spec.id, spec.path, spec.params(False)) for spec in before.outside()]
        assert [(spec.id, spec.path, spec.params(False)) for spec in after.outside()] == kept
    assert item(folder / "beside.yaml", "sources")["sources"][0]["path"] == "questions.parquet"


def test_a_scoreboard_is_shown_of_a_file_as_of_a_name(folder):
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    shown = [CliRunner().invoke(main, ["scoreboard", study]) for study in (str(file), "which_answers")]
    assert shown[0].exit_code == 0, shown[0].output
    assert shown[0].output == shown[1].output and "right_ones" in shown[0].output


def test_it_is_printed_where_no_file_is_named(folder):
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    made = composed((str(file),), None, None)
    assert yaml.safe_load(made.text)["name"] == made.name == "small_composed"
    assert not list(folder.glob("*composed*"))


def refused(*studies: Path, out: Path | None = None, name: str | None = None) -> str:
    with pytest.raises(BadInput) as caught:
        composed(tuple(map(str, studies)), out, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_composed_is_told_in_one_line(folder, tmp_path):
    select = write_study(folder, SELECT)
    assert "which_answers: no scoreboard yet; run 'ot materialize" in refused(select)
    scored(select, {"right_ones": 0.8})
    assert "chose nothing" in refused(select) and "everything: not made (selected: not made yet)" in refused(select)
    scored(select, {"everything": 0.2, "right_ones": 0.8})
    twin = write_study(folder, SELECT | {"name": "again"})
    scored(twin, {"everything": 0.2, "right_ones": 0.8})
    assert "which_answers and again both choose 'select' of the track 'math'" in refused(select, twin)
    assert "this is what the recipe is composed of" in refused(select, out=folder / "small.yaml")
    assert "no folder" in refused(select, out=tmp_path / "nowhere" / "a.yaml")
    assert "a recipe is a .yaml file" in refused(select, out=tmp_path / "best")
    (tmp_path / "taken.yaml").mkdir()
    assert "Is a directory" in refused(select, out=tmp_path / "taken.yaml")
    assert "the name 'small' is taken" in refused(select, name="small")


COLUMNS = {"question": "problem", "reference": "gold"}
CHANGES = (
    ({"variants": {"everything": "all", "right_ones": {"use": "first"}}}, "'right_ones' has no scores (selected: "),
    # Also of one that lost.
    (
        {"variants": {"everything": {"use": "first"}, "right_ones": "verified"}},
        "'everything' has no scores (selected: ",
    ),
    ({"cell": {"rows": 9}}, "'everything' has no scores (cell: made from another plan"),
    ({"student": {"epochs": 9}}, "'everything' has no scores (student: made from another plan"),
    ({"seeds": [7]}, "'everything' has no scores (student: made from another plan"),
    ({"evaluation": {"max_tokens": 99}}, "'everything' has no scores (scores: made from another plan"),
    ({"baseline": "right_ones"}, "'baseline' was changed"),
)


def test_a_scoreboard_of_another_question_than_the_files_is_refused(folder):
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    for change, why in CHANGES:
        write_study(folder, SELECT | change)
        told = refused(file)
        assert f"is not what would be made now: {why}" in told
        assert f"run 'ot materialize {file}'" in told
    write_study(folder, SELECT)
    assert composed((str(file),), None, None).name == "small_composed"


def test_what_chose_and_what_was_held_out_may_not_change_places(folder):
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    write_study(folder, SELECT | {"variants": SELECT["variants"] | {"one": {"use": "first"}}})
    assert "differ in the variant 'one'" in refused(file)
    kept = pl.DataFrame({"problem": ["What is 70 plus 1?"], "gold": ["71"]})
    kept.write_parquet(folder / "kept.parquet")
    asked, other = ({"path": f"{name}.parquet", "id": name, **COLUMNS} for name in ("asked", "kept"))
    write_study(folder, both := SELECT | {"benchmarks": {"dev": [asked], "held_out": [other]}})
    scored(file, {"everything": 0.2, "right_ones": 0.8})
    composed((str(file),), None, None)
    write_study(folder, both | {"benchmarks": {"dev": [other], "held_out": [asked]}})
    assert "is not what would be made now: 'everything' has no scores" in refused(file)


def test_what_lies_before_the_fork_and_what_was_asked_belong_to_the_board(folder):
    scored(file := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    other = recipe()
    math(other)[1]["decontaminate"]["threshold"] = 80
    write_recipe(folder, other)
    assert "'everything' has no scores (small/math/decontaminated: made from another plan" in refused(file)
    write_recipe(folder)
    assert composed((str(file),), None, None).name == "small_composed"
    asked = pl.read_parquet(folder / "asked.parquet")
    asked.with_columns(pl.lit("7").alias("gold")).write_parquet(folder / "asked.parquet")
    assert "'everything' has no scores (benchmarks/asked: made from another plan" in refused(file)


def test_who_was_asked_is_told_where_the_recipe_would_ask_another(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OT_TEACHERS", "{other: embedded}")
    body = {
        "name": "who",
        "stage": "answers",
        "variants": {
            "own": {"use": "teacher", "max_tokens": 16},
            "other": {"use": "teacher", "max_tokens": 16, "model": "other"},
        },
        "common": {"format": {"use": "think", "require_reasoning": False, "keep_truncated": True}},
    }
    study = load_study(write_study(folder, body))
    board = pl.DataFrame(
        {"variant": ["own", "other"], "benchmark": "dev", "verdict": ["loses", "winner"], "chosen": [False, True]}
    ).with_columns(score=pl.lit(1.0), se=pl.lit(0.1), reason=pl.lit(None))
    made = compose([winner(study, "1", board)], "best", tmp_path)
    assert made.notes == [
        "math.answers: compared with other as who answers; a recipe asks OT_TEACHER: set it to that model"
    ]


def test_a_study_that_ran_at_another_scale_says_so(folder):
    scored(file := write_study(folder, SELECT | {"scale": {"local": 0.5}}), {"everything": 0.2, "right_ones": 0.8})
    write_study(folder, SELECT)
    assert "'everything' has no scores (cell: made from another plan" in refused(file)
    assert composed((str(file),), None, None, 0.5).name == "small_composed"


def test_a_study_of_cells_alone_changes_no_recipe(folder):
    body = {"name": "how_many", "stage": "cell", "variants": {"few": {"rows": 5}, "many": {"rows": 15}}}
    scored(file := write_study(folder, body), {"few": 0.2, "many": 0.8})
    assert "its variants differ in the cell, which no recipe has" in refused(file)


def test_a_mix_goes_with_its_sources(folder, tmp_path):
    body = recipe()
    source = body["tracks"]["math"][0]["sources"][0]
    body["tracks"]["math"].insert(1, {"mix": {"use": "quotas", "quotas": {"made": 20}}})
    write_recipe(folder, body)
    pl.read_parquet(folder / "questions.parquet").write_parquet(folder / "more.parquet")
    study = {
        "name": "which_sources",
        "stage": "sources",
        "common": {"mix": "none"},
        "variants": {"made": [source], "more": [source | {"id": "more", "path": "more.parquet"}]},
    }
    scored(file := write_study(folder, study), {"made": 0.2, "more": 0.8})
    composed((str(file),), out := tmp_path / "mixed.yaml", None)
    assert [source.id for source in load_recipe(out).tracks[0].sources] == ["more"]
    assert load_recipe(out).tracks[0].because.study == "which_sources"
    assert item(out, "mix")["mix"]["use"] == "none"


def test_studies_of_two_recipes_are_refused(folder):
    scored(one := write_study(folder, SELECT), {"everything": 0.2, "right_ones": 0.8})
    write_recipe(folder, recipe() | {"name": "other"}, "other.yaml")
    scored(two := write_study(folder, DEDUP | {"recipe": "other.yaml"}), {"none": 0.2, "near": 0.8})
    assert "which_answers is a study of small, which_twins one of other" in refused(one, two)


@pytest.mark.parametrize("file", recipe_files(), ids=lambda file: file.stem)
def test_a_recipe_is_written_as_it_was_read(file):
    body = read_yaml(file)
    text = as_text(body, "a copy")
    assert yaml.safe_load(text) | {"description": ""} == body | {"description": ""}
    assert yaml.safe_load(text)["description"] == " ".join(body["description"].split())
