"""Recipes that build on others: on their datasets, on parts of a source, on questions that a model writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import execute
from ot_assets.lineage.record import choices_by_track
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_resources.generators.engine import Completion
from ot_resources.generators.ledger import Ledger
from ot_resources.interfaces import BadInput, FinishReason
from ot_resources.warehouse import Warehouse
from tests.engines.rule_engine import RuleEngine, generator
from tests.graph.running import make, tools
from tests.recipes.small import KEPT, RIGHT, math, recipe, write_inputs, write_recipe

pytestmark = pytest.mark.usefixtures("data_root")

NONE = {"use": "none", "reason": "a test"}


def base(folder: Path) -> Path:
    """The small recipe, keeping what is right, with the twin of everything."""
    body = recipe()
    body["dataset"] = {"rows": "all", "unverified": True}
    math(body)[-1] = {"select": "verified"}
    return write_recipe(folder, body)


def above(folder: Path, source: Any, name: str = "above", **more: Any) -> Path:
    body = {
        "name": name,
        "format": "think_human_gpt",
        "tracks": {"reused": [{"sources": [source]}, {"answers": "imported"}, {"verify": NONE}]},
    }
    return write_recipe(folder, body | more, f"{name}.yaml")


def test_the_unverified_twin_holds_what_selection_was_given(tmp_path):
    made = make(base(tmp_path))
    assert made["small/dataset"].version.rows == RIGHT
    assert made["small/unverified"].version.rows == KEPT
    twin, released = (made[f"small/{n}"].version.scan().collect() for n in ("unverified", "dataset"))
    assert twin.columns == released.columns
    assert set(released["row_id"]) < set(twin["row_id"])
    assert made["small/unverified"].checks[0].passed


@pytest.mark.parametrize(("rows", "wanted"), [("dataset", RIGHT), ("unverified", KEPT)])
def test_a_recipe_builds_on_another_ones_dataset(tmp_path, rows, wanted):
    base(tmp_path)
    made = make(above(tmp_path, {"recipe": "small", "rows": rows}))
    assert made["above/dataset"].version.rows == wanted
    ours = made["above/reused/formatted"].version.scan().collect()
    theirs = made["small/math/unverified"].version.scan().collect()
    # ids, questions and answers are the source's own; only the format is another
    assert set(ours["row_id"]) <= set(theirs["row_id"])
    assert ours["conversations"].list.first().struct.field("from").unique().to_list() == ["human"]
    both = ours.join(theirs, on="row_id", suffix="_there")
    assert both.height == ours.height
    assert (both["answer"] == both["answer_there"]).all()
    assert (both["reasoning"] == both["reasoning_there"]).all()
    # its choices and its sources are part of the lineage
    dataset = made["above/dataset"]
    told = [
        (step["recipe"], step["track"], step["position"], f"{step['stage']}.{step['strategy']}")
        for step in choices_by_track(dataset.node, dataset.inputs)
    ]
    last = "verify.math" if rows == "unverified" else "select.verified"
    there = ["sources.files", "decontaminate.indel", "dedup.exact", "answers.imported", "verify.math", last]
    there = [*dict.fromkeys(there), "format.think"]
    here = ["sources.released", "answers.imported", "verify.none", "format.think_human_gpt"]
    assert told == [
        *(("small", "math", place, step) for place, step in enumerate(there)),
        *(("above", "reused", place, step) for place, step in enumerate(here)),
    ]
    read = made["above/dataset"].version.record["sources"]
    assert [source["id"] for source in read if source["kind"] == "sources"] == ["made"]


def test_what_changed_below_is_seen_above(tmp_path):
    base(tmp_path)
    file = above(tmp_path, {"recipe": "small"})
    first = make(file, run_id="one")["above/dataset"].version.version
    table = pl.read_parquet(tmp_path / "questions.parquet")
    table.with_columns(pl.col("problem").replace("What is two and two?", "What is 0 + 4?")).with_columns(
        reply=pl.when(pl.col("id") == "id-19").then(pl.lit("<think>0</think>\\boxed{4}")).otherwise("reply")
    ).write_parquet(tmp_path / "questions.parquet")
    again = make(file, run_id="two")
    assert again["above/dataset"].version.version != first
    assert again["above/dataset"].version.rows == RIGHT + 1


def test_the_plan_of_a_recipe_holds_what_it_builds_on_once(tmp_path):
    base(tmp_path)
    names = [node.name for node in plan(load_recipe(above(tmp_path, {"recipe": "small"})))]
    assert len(names) == len(set(names))
    assert names.index("small/dataset") < names.index("above/reused/small") < names.index("above/reused/questions")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"recipe": "smal"}, "no recipe 'smal'; there is:"),
        ({"recipe": "small", "rows": "all"}, "rows: 'all': 'dataset', or 'unverified'"),
        ({"recipe": "small", "domain": "maths"}, "domain: 'maths' is no domain"),
        ({"recipe": "small", "only": {}}, "unknown key 'only'; there is: domain, id, recipe, rows"),
        ({"recipe": "small", "id": "A b"}, "id: 'A b' must be up to 80 lower case"),
        ({"recipe": "above"}, "a recipe cannot build on itself: above -> above"),
        ({"from": "math500"}, "need 'id', 'from' (a source) and 'write'"),
        ({"id": "mine", "from": "openmath_2_math", "write": "union"}, "sources.union"),
        ({"id": "mine", "from": "openmath_2_math", "write": "from_txt"}, "did you mean 'from_text'?"),
    ],
)
def test_a_source_that_cannot_be(tmp_path, source, told):
    base(tmp_path)
    with pytest.raises(BadInput) as caught:
        load_recipe(above(tmp_path, source))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_twin_that_is_not_made_cannot_be_read(tmp_path):
    write_recipe(tmp_path)
    with pytest.raises(BadInput, match="small makes no unverified twin"):
        load_recipe(above(tmp_path, {"recipe": "small", "rows": "unverified"}))


def test_parts_of_a_catalogue_source_go_by_ids_of_their_own(tmp_path):
    sources = [
        {"use": "taco", "id": "taco_medium", "split": "train", "only": {"difficulty": "MEDIUM"}},
        {"use": "taco", "id": "taco_test", "split": "test"},
    ]
    body = {"name": "parts", "tracks": {"code": [{"sources": sources}, {"answers": "imported"}]}}
    specs = {spec.id: spec for spec in load_recipe(write_recipe(tmp_path, body)).outside()}
    assert specs["taco_medium"].dataset == specs["taco_test"].dataset == "BAAI/TACO"
    assert specs["taco_medium"].mapping.only == {"difficulty": "MEDIUM"}
    assert specs["taco_test"].split == "test"
    made = {}
    for node in plan(load_recipe(tmp_path / "small.yaml")):
        if node.key[0] == "sources":
            made[node.key[-1]] = execute(node, tools()).version.rows
    assert made == {"taco_medium": 26, "taco_test": 33}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"use": "taco", "only": {"difficulty": "MEDIUM"}}, "needs an 'id' of its own"),
        ({"use": "taco", "id": "apps", "split": "test"}, "'apps' is the id of a whole source"),
        ({"use": "taco", "id": "mine", "question": "x"}, "'question' cannot be set for a source of the catalogue"),
    ],
)
def test_a_part_that_cannot_be(tmp_path, source, told):
    body = {"name": "parts", "tracks": {"code": [{"sources": [source]}, {"answers": "imported"}]}}
    with pytest.raises(BadInput, match=told):
        load_recipe(write_recipe(tmp_path, body))


def test_questions_that_a_model_writes_are_a_table_of_the_track(tmp_path, monkeypatch):
    """The judge is a rule here: what is tested is the way from texts to questions in the graph."""
    write_inputs(tmp_path)
    written = {
        "id": "written",
        "from": {"use": "files", "id": "texts", "path": "questions.parquet", "question": "problem"},
    }
    body = {
        "name": "wrote",
        "format": {"use": "think", "require_reasoning": False},
        "tracks": {
            "math": [
                {"sources": [written | {"write": {"use": "from_text", "limit": 10}}]},
                {"decontaminate": NONE},
                {"dedup": NONE},
                {"answers": {"use": "teacher", "samples": 1}},
            ]
        },
    }
    asked = []

    def rule(request):
        asked.append(request)
        text = json.dumps({"question": f"Q{len(asked)}?", "answer": "4"})
        return Completion(text, FinishReason.STOP, 1, 1)

    engine = RuleEngine(rule)
    ledger = Ledger(tmp_path / "ledger")
    found = tools()
    for model in found.models.values():
        monkeypatch.setattr(
            type(model), "generator", lambda self, run, asset, budget: generator(engine, ledger, run, asset)
        )
    made = {node.name: execute(node, found) for node in plan(load_recipe(write_recipe(tmp_path, body)))}
    table = made["wrote/math/written"].version
    assert table.rows == 10
    rows = table.scan().collect()
    assert rows["source"].unique().to_list() == ["written"]
    assert rows["reference"].unique().to_list() == ["4"]
    assert set(rows["question_id"]).isdisjoint(made["sources/texts"].version.scan().collect()["question_id"])
    assert table.record["choice"]["strategy"] == "from_text"
    assert {m["role"] for m in table.record["models"]} == {"judge"}


def test_published_rows_block_at_full_size_on_the_real_sources_only(tmp_path):
    body = recipe()
    math(body)[2] = {"dedup": {"use": "exact", "published": [10, KEPT - 1]}}
    file = write_recipe(tmp_path, body)
    check = next(c for c in make(file)["small/math/deduplicated"].checks if c.name == "published_rows")
    assert check.passed
    assert not check.blocking
    assert check.message.startswith(f"published 10 to {KEPT - 1}, got {KEPT}")
    at_full_size = replace(tools("two"), environment="gpu")
    *before, node = [
        node
        for node in plan(load_recipe(file))
        if node.key[-1] in ("made", "bench", "questions", "decontaminated", "deduplicated")
    ]
    for earlier in before:
        execute(earlier, at_full_size)
    # the table is there already; it is the comparison that is another
    with pytest.raises(StageFailed, match=f"published_rows failed: published 10 to {KEPT - 1}, got {KEPT}"):
        execute(node, at_full_size)


def test_published_rows_by_source(tmp_path):
    body = recipe()
    math(body)[2] = {"dedup": {"use": "exact", "published": {"made": KEPT, "other": [5, 7]}}}
    checks = make(write_recipe(tmp_path, body))["small/math/deduplicated"].checks
    message = next(c.message for c in checks if c.name == "published_rows")
    assert message.startswith(f"made: published {KEPT}, got {KEPT}; other: published 5 to 7, got 0")


def test_a_track_may_end_its_format_with_parameters_of_its_own(tmp_path):
    body = recipe()
    math(body).append({"format": {"prefix": "boxed"}})
    row = make(write_recipe(tmp_path, body))["small/dataset"].version.scan().collect()["conversations"][0]
    assert row[0]["value"].startswith("Put the final answer in \\boxed{}.")


@pytest.mark.parametrize("own", [{"use": "sky_t1"}, "think"])
def test_a_track_has_no_format_of_another_kind(tmp_path, own):
    body = recipe()
    math(body).append({"format": own})
    with pytest.raises(BadInput, match="the format is set once for the recipe"):
        load_recipe(write_recipe(tmp_path, body))


def test_a_domain_may_be_released_whole_beside_quotas(tmp_path):
    body = recipe()
    body["dataset"] = {"rows": {"math": "all"}}
    assert make(write_recipe(tmp_path, body))["small/dataset"].version.rows == KEPT


def test_what_a_filter_learns_from_has_its_place_in_a_version(tmp_path):
    """The same tables the other way round are another choice, and no source of the dataset's questions."""
    write_inputs(tmp_path)

    def learnt(run: str, likes: list[str], dislikes: list[str]) -> Any:
        body = recipe()

        def tables(names):
            return [{"path": "questions.parquet", "question": name, "id": f"likes_{name}"} for name in names]

        learn = {"positives": tables(likes), "negatives": tables(dislikes), "dim": 4, "buckets": 1000, "min_count": 1}
        math(body)[2] = {"filter": {"use": "fasttext", "keep": 5, **learn}}
        return make(write_recipe(tmp_path, body), upto="small/math/filtered", run_id=run)["small/math/filtered"]

    one, two = learnt("one", ["problem", "gold"], ["reply"]), learnt("two", ["problem"], ["gold", "reply"])
    assert not two.reused
    assert [(s["stage"], s["strategy"]) for s in two.version.record["trail"]] == [
        ("sources", "files"),
        ("decontaminate", "indel"),
        ("filter", "fasttext"),
    ]
    assert one.version.record["choice"]["params"] != two.version.record["choice"]["params"]


def test_two_bases_of_one_name_do_not_mix(tmp_path):
    for folder, keep in (("a", 3), ("b", 9)):
        body = recipe()
        math(body).insert(3, {"sample": {"use": "uniform", "n": keep}})
        write_recipe(tmp_path, body, f"{folder}.yaml")
    body = {
        "name": "above",
        "tracks": {name: [{"sources": [{"recipe": f"{name}.yaml"}]}, {"answers": "imported"}] for name in ("a", "b")},
    }
    with pytest.raises(BadInput, match="'small' is also the name of .*a.yaml; rename one"):
        plan(load_recipe(write_recipe(tmp_path, body, "above.yaml")))


def test_fewer_rows_than_asked_for_are_told(tmp_path):
    body = recipe()
    math(body).insert(1, {"mix": {"use": "quotas", "quotas": {"made": 500}}})
    checks = {c.name: c for c in make(write_recipe(tmp_path, body))["small/math/mixed"].checks}
    assert checks["rows_present"].passed
    assert checks["rows_present"].message.endswith("fewer than asked for, all are taken: made has 19 of 500")


def test_two_recipes_that_differ_in_one_choice_differ_in_one_row_and_share_the_rest(tmp_path, data_root):
    one, two = recipe(), recipe() | {"name": "other"}
    math(two)[2] = {"dedup": {"use": "indel", "threshold": 95}}
    first = make(write_recipe(tmp_path, one), run_id="one")
    second = make(write_recipe(tmp_path, two, "other.yaml"), run_id="two")
    upstream = ("sources/made", "benchmarks/bench")
    assert all(second[name].reused for name in upstream)
    for asset in ("questions", "decontaminated"):
        assert second[f"other/math/{asset}"].reused
        assert second[f"other/math/{asset}"].version.version == first[f"small/math/{asset}"].version.version
    assert not second["other/math/deduplicated"].reused
    with Warehouse(root=str(data_root)).connect() as connection:
        rows = connection.sql(
            """select stage, strategy from lineage.choices
               where (stage, strategy, strategy_version, params, position) in (
                   select stage, strategy, strategy_version, params, position from lineage.choices
                   group by all having count(*) = 1)
               order by all"""
        ).fetchall()
    assert rows == [("dedup", "exact"), ("dedup", "indel")]
