"""What questions are compared with: an earlier dataset, a group of benchmarks, and the look at what is finished."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import Made, execute
from ot_assets.lineage.explain import story
from ot_assets.recipes.against import openthoughts3_sets
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan, plan_all
from ot_resources.hub import Hub
from ot_resources.interfaces import BadInput
from ot_resources.store import Store
from ot_resources.warehouse import Warehouse
from tests.graph.running import make, tools
from tests.recipes.small import TWICE, math, recipe, write_recipe

pytestmark = pytest.mark.usefixtures("data_root")

WRONG = "What is two and two?"
NEW = "How many corners does a tetrahedron have, and how many faces?"


def base(folder: Path) -> Path:
    """The small recipe, which releases the right answers; its twin has them all."""
    body = recipe() | {"dataset": {"rows": "all", "unverified": True}}
    math(body)[-1] = {"select": "verified"}
    return write_recipe(folder, body)


def later(folder: Path, *against: Any, name: str = "later", questions: tuple[str, ...] = (TWICE, WRONG, NEW)) -> Path:
    """A recipe with a source of its own, which asks some of the questions again."""
    table = {"problem": list(questions), "reply": ["<think>well</think>done"] * len(questions)}
    pl.DataFrame(table).write_parquet(folder / f"{name}.parquet")
    source = {"path": f"{name}.parquet", "id": name, "question": "problem", "imported": {"answer": "reply"}}
    stages = [
        {"sources": [source | {"use": "files", "domain": "math"}]},
        {"decontaminate": {"use": "indel", "threshold": 95, "against": list(against)}},
        {"answers": "imported"},
    ]
    return write_recipe(folder, {"name": name, "tracks": {"more": stages}}, f"{name}.yaml")


@pytest.mark.parametrize(
    ("against", "table", "again"),
    [
        ({"recipe": "small"}, "small", {TWICE}),
        ({"recipe": "small.yaml", "rows": "unverified"}, "small_unverified", {TWICE, WRONG}),
        ({"recipe": "small", "domain": "math", "id": "before"}, "before", {TWICE}),
    ],
)
def test_what_an_earlier_dataset_asked_is_not_asked_again(tmp_path, data_root, against, table, again):
    base(tmp_path)
    made = make(later(tmp_path, against))
    dropped = made["later/more/decontaminated"].version.dropped().collect()
    assert set(dropped["question"]) == again
    assert made["later/dataset"].version.rows == 3 - len(again)
    questions = made[f"benchmarks/{table}"].version.scan().collect()
    assert questions["question_id"].is_unique().all()
    assert set(questions["source"]) == {table}
    assert {json.loads(extra)["source"] for extra in questions["extra"]} == {"made"}
    evidence = json.loads(dropped.filter(question=TWICE)["drop_evidence"].item())
    twin = questions.filter(question=TWICE)["question_id"].item()
    assert (evidence["against"], evidence["twin"], evidence["twin_text"]) == (table, twin, TWICE)
    released = made["small/unverified" if table == "small_unverified" else "small/dataset"].version
    assert f"{twin}-0" in released.scan().collect()["row_id"].to_list()


def test_what_rows_are_held_against_is_no_part_of_what_they_cost(tmp_path, data_root, teacher, monkeypatch):
    monkeypatch.setenv("OT_TEACHER_OPTIONS", "{price_output: 100}")
    body = recipe()
    math(body)[3] = {"answers": {"use": "teacher", "samples": 1, "max_tokens": 16}}
    body["format"] = {"use": "think", "require_reasoning": False, "keep_truncated": True}
    write_recipe(tmp_path, body)
    made = make(later(tmp_path, {"recipe": "small"}))
    (asked,) = made["small/dataset"].version.record["asked"]
    assert asked["money"] > 0
    assert made["later/dataset"].version.record["asked"] == []


def test_the_twin_in_an_earlier_dataset_is_explained_and_told_by_sql(tmp_path, data_root):
    base(tmp_path)
    made = make(later(tmp_path, {"recipe": "small"}, "aime24"))
    row = made["later/more/decontaminated"].version.dropped().collect()["question_id"].item()
    event = next(e for e in story(row, Store(root=str(data_root))) if e["status"] == "dropped")
    assert event["twin"] == {"asset": "benchmarks/small", "question": TWICE}
    with Warehouse(root=str(data_root)).connect() as connection:
        ((params,),) = connection.sql(
            "select params from lineage.choices where dataset = 'later/dataset' and stage = 'decontaminate'"
        ).fetchall()
        read = connection.sql("select input_asset from lineage.inputs where asset = 'benchmarks/small'").fetchall()
        assert connection.sql("from benchmarks.small").fetchall()
    assert json.loads(params)["against"] == ["small", "aime24"]
    assert {"small/math/formatted", "small/dataset"} == {asset for (asset,) in read}


def test_the_same_source_in_both_keeps_the_id_of_its_question(tmp_path):
    """A question that comes from the same place is its own twin."""
    base(tmp_path)
    body = recipe() | {"name": "again"}
    math(body)[1]["decontaminate"]["against"] = [{"recipe": "small"}]
    with pytest.raises(StageFailed) as raised:  # nothing but the wrong answer and what was dropped there is left
        make(write_recipe(tmp_path, body | {"dataset": {"rows": {"math": 10}}}, "again.yaml"))
    assert "quota_met" in str(raised.value)


def test_what_changes_in_the_earlier_dataset_is_compared_with(tmp_path):
    base(tmp_path)
    file = later(tmp_path, {"recipe": "small"})
    assert make(file, run_id="one")["later/dataset"].version.rows == 2
    table = pl.read_parquet(tmp_path / "questions.parquet")
    table.filter(pl.col("problem") != TWICE).write_parquet(tmp_path / "questions.parquet")
    assert make(file, run_id="two")["later/dataset"].version.rows == 3


def test_one_table_for_all_that_compare_with_it(tmp_path):
    base(tmp_path)
    recipes = [load_recipe(later(tmp_path, {"recipe": "small"}, name=name)) for name in ("later", "latest")]
    nodes = plan_all(recipes)
    assert nodes["later", "more", "decontaminated"].tables == nodes["latest", "more", "decontaminated"].tables
    order = list(nodes)
    assert order.index(("small", "dataset")) < order.index(("benchmarks", "small")) < order.index(("later", "dataset"))
    other = load_recipe(later(tmp_path, {"recipe": "small", "rows": "unverified", "id": "small"}, name="other"))
    with pytest.raises(BadInput, match="the id 'small' is also that of another table or mapping"):
        plan_all([*recipes, other])


@pytest.mark.parametrize(
    ("against", "told"),
    [
        ({"recipe": "smal"}, "no recipe 'smal'; there is:"),
        ({"recipe": "later"}, "a recipe cannot build on itself: later -> later"),
        ({"recipe": "small", "rows": "all"}, "rows: 'all': 'dataset', or 'unverified'"),
        ({"recipe": "small", "question": "q"}, "unknown key 'question'; there is: domain, id, recipe, rows"),
        ({"recipe": "small", "id": "aime24"}, "id: 'aime24' is the id of a benchmark of the catalogue"),
        ({"path": "benchmark.jsonl", "question": "q", "id": "aime24"}, "'aime24' is the id of a benchmark of the"),
        ("openthoughts4", "unknown benchmark 'openthoughts4'; did you mean 'openthoughts3'?"),
    ],
)
def test_what_cannot_be_compared_with(tmp_path, against, told):
    base(tmp_path)
    with pytest.raises(BadInput) as caught:
        load_recipe(later(tmp_path, against))
    assert told in str(caught.value)
    assert "later.yaml: tracks.more[1].decontaminate.against" in str(caught.value) or "itself" in told
    assert "\n" not in str(caught.value)


def test_two_recipes_cannot_be_compared_with_each_other(tmp_path):
    later(tmp_path, {"recipe": "other.yaml"})
    with pytest.raises(BadInput, match="a recipe cannot build on itself: other -> later -> other"):
        load_recipe(later(tmp_path, {"recipe": "later.yaml"}, name="other"))


def test_a_group_is_its_members(tmp_path):
    recipe = load_recipe(later(tmp_path, "openthoughts3", {"path": "benchmark.jsonl", "question": "q", "id": "own"}))
    nodes = {node.key: node for node in plan(recipe)}
    compared = nodes["later", "more", "decontaminated"].tables["against"]
    assert [key[1] for key in compared] == [*(spec.id for spec in openthoughts3_sets()), "own"]
    assert len(compared) == 13


def test_a_finished_dataset_is_looked_at_by_the_rule_of_openthoughts3(tmp_path):
    """The recipe compares with its own file only; what it let pass is told, and released."""
    spec = openthoughts3_sets()[0]
    sample = Path("data/samples") / spec.dataset.replace("/", "__") / f"{spec.split}.parquet"
    known = pl.read_parquet(sample)[spec.mapping.question][0]
    near = known.replace("the", "that", 2)
    quoting = f"{NEW} And in other news: {' '.join(known.split()[:16])}; what of it all, and why would anybody ask?"
    file = later(tmp_path, {"path": "benchmark.jsonl", "question": "q", "id": "own"}, questions=(near, quoting, NEW))
    made = make(file)["later/dataset"]
    checks = {check.name: check for check in made.checks}
    assert made.version.rows == 3
    assert checks["no_benchmark_overlap"].passed
    check = checks["openthoughts3_rule"]
    assert (check.passed, check.blocking) == (False, False)
    assert check.message.startswith("2 questions match: math500 2; first: ")
    assert "(indel " in check.message and "(ngram" in check.message and known[:20] in check.message


def test_a_clean_dataset_passes_it(tmp_path):
    made = make(later(tmp_path, {"path": "benchmark.jsonl", "question": "q", "id": "own"}))["later/dataset"]
    check = {check.name: check for check in made.checks}["openthoughts3_rule"]
    assert (check.passed, check.message) == (
        True,
        "no question matches, by the rule of OpenThoughts3; 12 of 12 sets looked at",
    )


def looked_at(file: Path, samples: Path, run_id: str) -> tuple[Made, str]:
    """The dataset, made where the Hub has only these `samples`, and what its check says."""
    given = tools(run_id)
    given = replace(given, hub=Hub(samples=str(samples), cache=given.hub.cache, lock=given.hub.lock))
    for node in plan(load_recipe(file)):
        made = execute(node, given)
        if node.key[-1] == "dataset":
            return made, {check.name: check for check in made.checks}["openthoughts3_rule"].message
    raise AssertionError


def test_a_set_that_cannot_be_read_stops_nothing_and_is_looked_at_when_it_can(tmp_path, data_root):
    file = later(tmp_path, {"path": "benchmark.jsonl", "question": "q", "id": "own"})
    samples = tmp_path / "samples"
    samples.mkdir()
    missing, broken = (spec.dataset.replace("/", "__") for spec in openthoughts3_sets()[:2])
    for folder in Path("data/samples").resolve().iterdir():
        if folder.is_dir() and folder.name not in (missing, broken):
            (samples / folder.name).symlink_to(folder)
    (samples / broken).mkdir()
    for original in (Path("data/samples") / broken).glob("*.parquet"):
        (samples / broken / original.name).write_bytes(b"no table")
    first, message = looked_at(file, samples, "one")
    assert message.startswith("no question matches, by the rule of OpenThoughts3; 10 of 12 sets looked at; not read: ")
    names = [spec.id for spec in openthoughts3_sets()]
    assert f"{names[0]} ({missing.replace('__', '/')}: no stand-in at" in message
    assert f", {names[1]} (" in message

    (samples / missing).symlink_to(Path("data/samples").resolve() / missing)
    again, message = looked_at(file, samples, "two")
    assert again.reused
    assert again.version.version == first.version.version
    assert "; 11 of 12 sets looked at; not read: " + names[1] in message
    # What was found is noted: nothing has changed by the third look.
    recorded = {check["name"]: check["message"] for check in on_disk(again)["checks"]}
    assert recorded["openthoughts3_rule"] == message
    assert looked_at(file, samples, "three")[1] == message


def on_disk(made: Made) -> dict[str, Any]:
    return json.loads((made.version.path / "record.json").read_text())


def test_the_twelve_sets_are_no_part_of_the_graph(tmp_path):
    nodes = {node.key: node for node in plan(load_recipe(later(tmp_path, "aime24")))}
    assert {key for key in nodes if key[0] == "benchmarks"} == {("benchmarks", "aime24")}
    made = make(later(tmp_path, "aime24"))["later/dataset"]
    assert {"/".join(key) for key, _ in made.inputs} == {"later/more/formatted", "benchmarks/aime24"}
    assert len(made.version.record["sources"]) == 2
