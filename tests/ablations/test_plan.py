"""The tables of a study: shared up to the fork, and of each variant from there on."""

from __future__ import annotations

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.plan import plan_study
from tests.ablations.small import study, write_study

CHAIN = ["filtered", "deduplicated", "answers", "verified", "selected", "formatted", "cell", "student", "scores"]


def test_the_recipes_own_tables_are_shared_up_to_the_fork(tmp_path):
    plan = plan_study(load_study(write_study(tmp_path)))
    assert {node.name for node in plan.base} == {
        "sources/made",
        "benchmarks/bench",
        "benchmarks/asked",
        "benchmarks/kept",
        "small/math/questions",
        "small/math/decontaminated",
    }
    for name, nodes in plan.variants.items():
        assert [node.key for node in nodes] == [("small_study", name, asset) for asset in CHAIN]
        assert nodes[0].inputs == (("small", "math", "decontaminated"),)
        assert all(node.recipe is plan.study.derived for node in nodes)
    assert plan.scoreboard.key == ("small_study", "scoreboard")
    assert plan.scoreboard.inputs == tuple(("small_study", name, "scores") for name in plan.variants)


def test_a_fork_at_the_end_takes_what_the_recipe_made(tmp_path):
    body = study() | {"stage": "student", "variants": {"short": {"epochs": 1}, "long": {"epochs": 2}}}
    plan = plan_study(load_study(write_study(tmp_path, body)))
    assert [node.key[-1] for node in plan.variants["short"]] == ["cell", "student", "scores"]
    assert plan.variants["short"][0].inputs == (("small", "math", "formatted"),)
    del body["domain"]
    plan = plan_study(load_study(write_study(tmp_path, body)))
    assert plan.variants["long"][0].inputs == (("small", "dataset"),)


def test_a_fork_at_the_sources_shares_the_sources_alone(tmp_path):
    source = {"use": "files", "path": "questions.parquet", "key": "id", "question": "problem", "reference": "gold"}
    source["imported"] = {"answer": "reply"}
    body = study() | {
        "stage": "sources",
        "variants": {
            "even": [{**source, "id": "even", "only": {"level": 0}}],
            "odd": [{**source, "id": "odd", "only": {"level": 1}}],
        },
    }
    plan = plan_study(load_study(write_study(tmp_path, body)))
    assert {node.key[0] for node in plan.base} == {"sources", "benchmarks"}
    assert plan.variants["even"][0].key == ("small_study", "even", "questions")
    assert plan.variants["even"][0].inputs == (("sources", "even"),)
    assert {node.name for node in plan.nodes("odd")} & {"sources/even", "sources/odd"} == {"sources/odd"}


def test_a_cell_looks_at_what_its_students_are_asked(tmp_path):
    plan = plan_study(load_study(write_study(tmp_path)))
    for nodes in plan.variants.values():
        cell = next(node for node in nodes if node.stage == "cell")
        assert cell.tables == {"dev": (("benchmarks", "asked"),), "held_out": (("benchmarks", "kept"),)}


def test_counts_of_a_study_are_scaled_as_a_recipes(tmp_path):
    body = study() | {"cell": {"rows": 1000}, "scale": {"local": 0.01}}
    plan = plan_study(load_study(write_study(tmp_path, body)))
    cell = plan.variants["everything"][-3]
    assert cell.scaled("local", None)["n"] == 10
    body["cell"] = {"money": 5}
    plan = plan_study(load_study(write_study(tmp_path, body)))
    assert plan.variants["everything"][-3].scaled("local", None)["n"] == 0.05
