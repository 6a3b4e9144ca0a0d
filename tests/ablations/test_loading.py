"""A study's file: what is read off it, and what is refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from ot_assets.ablations.library import find_study, studies
from ot_assets.ablations.loading import load_study
from ot_assets.recipes.library import recipes
from ot_resources.interfaces import BadInput
from tests.ablations.small import study, write_study
from tests.recipes.small import recipe, write_recipe


def test_a_study_is_the_recipe_with_other_choices(tmp_path):
    read = load_study(write_study(tmp_path))
    assert list(read.variants) == ["everything", "at_random", "only_wrong"]
    assert (read.recipe.name, read.domain, read.baseline) == ("small", "math", "everything")
    assert read.benchmarks == {"dev": ("asked",), "held_out": ("kept",)}
    for variant in read.variants.values():
        assert variant.track is not None
        stages = [choice.stage for choice in variant.track.choices]
        # The recipe has no filter: it comes where filters come in every recipe.
        assert stages == ["decontaminate", "filter", "dedup", "answers", "verify", "select", "format"]
    track = read.variants["only_wrong"].track
    assert track is not None
    assert [c.use for c in track.choices if c.stage == "select"] == ["verdict"]
    assert read.variants["only_wrong"].raw["select"] == {"use": "verdict", "keep": ["wrong"]}


def test_common_choices_stand_in_every_variant(tmp_path):
    body = study() | {
        "common": {"dedup": {"use": "none", "reason": "not asked here"}, "sample": {"use": "uniform", "n": 5}}
    }
    read = load_study(write_study(tmp_path, body))
    for variant in read.variants.values():
        assert variant.track is not None
        told = {choice.stage: choice.use for choice in variant.track.choices}
        assert (told["dedup"], told["sample"]) == ("none", "uniform")


def test_a_stage_that_only_some_variants_name_is_neutral_in_the_others(tmp_path):
    body = study()
    del body["variants"]["at_random"]["select"]
    del body["variants"]["only_wrong"]["filter"]
    read = load_study(write_study(tmp_path, body))
    for name, stage, use in (("at_random", "select", "all"), ("only_wrong", "filter", "none")):
        track = read.variants[name].track
        assert track is not None
        assert [c.use for c in track.choices if c.stage == stage] == [use]


def test_sources_of_a_track_are_about_what_its_own_are(tmp_path):
    body = recipe()
    stages = body["tracks"].pop("math")
    stages[0]["sources"][0]["domain"] = "math"
    body["tracks"]["extra"] = stages
    own = [{key: value for key, value in stages[0]["sources"][0].items() if key != "domain"}]
    told = study() | {
        "domain": "extra",
        "stage": "sources",
        "variants": {"own": own, "bare": [own[0] | {"id": "bare"}]},
    }
    file = write_study(tmp_path, told)
    write_recipe(tmp_path, body)
    for variant in load_study(file).variants.values():
        assert variant.track is not None
        assert [source.domain for source in variant.track.sources] == ["math"]


def test_a_models_name_in_a_variant_says_who_is_asked(tmp_path):
    body = study() | {"stage": "answers", "cell": {"rows": 4}}
    body["common"] = {"filter": {"use": "none", "reason": "not asked here"}}
    body["variants"] = {name: {"use": "teacher", "model": name} for name in ("strong", "weak")}
    read = load_study(write_study(tmp_path, body))
    for name, variant in read.variants.items():
        assert variant.track is not None
        assert [c.teacher for c in variant.track.choices if c.stage == "answers"] == [name]


def changed(**more: Any) -> dict[str, Any]:
    return study() | more


def with_variant(name: str, body: Any) -> dict[str, Any]:
    changed = study()
    changed["variants"][name] = body
    return changed


def varied(stage: Any, **variants: Any) -> dict[str, Any]:
    return study() | {"stage": stage, "variants": variants}


def asked(dev: dict[str, Any], held_out: dict[str, Any]) -> dict[str, Any]:
    """The study with its file in both sets, each with something of its own."""
    given = study()["benchmarks"]["dev"][0]
    sets = {"dev": [{**given, **dev}], "held_out": [{**given, "id": "other", **held_out}]}
    return study() | {"benchmarks": sets}


SOURCE = recipe()["tracks"]["math"][0]["sources"][0]
# The numbers of the preset `micro`.
WRITTEN_OUT = {"base": "Qwen/Qwen2.5-7B-Instruct", "batch": 32, "rate": 1e-5, "epochs": 13}


CASES = {
    "a typing error in a key": (changed(benchmark={}), r"small_study.yaml: benchmark: unknown key; there is: name, "),
    "no such recipe": (changed(recipe="other"), r"small_study.yaml: recipe: no recipe 'other'; there is: "),
    "the recipe's name": (changed(name="small"), r"name: 'small' is the name of the recipe"),
    "no such track": (changed(domain="code"), r"small_study.yaml: domain: small has no track 'code'; there is: math"),
    "no such stage": (
        changed(stage="filtre"),
        r"small_study.yaml: stage: no stage 'filtre' to vary; did you mean 'filter'\?",
    ),
    "a stage of the study's own": (
        changed(stage="scores"),
        r"stage: no stage 'scores' to vary; there is: sources, mix, ",
    ),
    "no such stage in common": (changed(common={"filtr": "none"}), r"common.filtr: no stage 'filtr' to vary; did you"),
    "no stage": (varied([], a="x"), r"small_study.yaml: stage: name what the variants differ in: sources, mix, "),
    "a stage twice": (changed(stage=["filter", "filter"]), r"small_study.yaml: stage: 'filter' is named twice"),
    "two equal variants": (
        with_variant("again", {"filter": {"use": "random", "keep": 14, "seed": 3}, "select": "all"}),
        r"small_study.yaml: variants: 'at_random' and 'again' are the same plan",
    ),
    "two equal sources": (varied("sources", a=[SOURCE], b=[dict(SOURCE)]), r"variants: 'a' and 'b' are the same plan"),
    "a student by its name and in a mapping": (
        varied("student", a="micro", b={"preset": "micro"}),
        r"variants: 'a' and 'b' are the same plan",
    ),
    "a student by its name and in numbers": (
        varied("student", a="micro", b={"preset": "medium", **WRITTEN_OUT}),
        r"variants: 'a' and 'b' are the same plan",
    ),
    "students of two places": (
        varied("student", a="micro", b={"preset": "micro", "train": "elsewhere"}),
        r"variants: 'b' is trained elsewhere and 'a' here; their scores do not compare",
    ),
    "a strategy of another stage": (
        with_variant("odd", {"filter": {"use": "exact"}, "select": "all"}),
        r"small_study.yaml: variants.odd.filter: filter has no strategy 'exact'",
    ),
    "a parameter that is not there": (
        with_variant("odd", {"filter": {"use": "random", "kept": 3}, "select": "all"}),
        r"small_study.yaml: variants.odd.filter: filter.random has no parameter 'kept'; did you mean 'keep'\?",
    ),
    "a stage that is not varied": (
        with_variant("odd", {"dedup": "none"}),
        r"variants.odd: 'dedup' is not varied here; stage: \[filter, select\]",
    ),
    "a choice that is out of place": (
        changed(stage="dedup", variants={"a": "exact", "b": {"use": "none", "as": "other", "reason": "r"}}),
        r"variants.b.dedup: 'as' cannot be set here; the table is 'deduplicated' in every variant",
    ),
    "a varied stage among the common ones": (
        changed(common={"filter": {"use": "random", "keep": 3}}),
        r"common.filter: 'filter' is what the variants differ in",
    ),
    "no such baseline": (changed(baseline="nothing"), r"baseline: no variant 'nothing'; there is: everything, "),
    "published for nobody": (changed(published={"nothing": {"average": 1}}), r"published: no variant 'nothing'"),
    "no variants": (changed(variants={}), r"variants: 0; a study has 1 to 99"),
    "a variant that hides a table": (
        with_variant("scoreboard", {"select": "all"}),
        r"'scoreboard' is the name of a table",
    ),
    "a seed twice": (changed(seeds=[1, 1]), r"seeds: a list of different whole numbers"),
    "two budgets": (changed(cell={"rows": 3, "tokens": 4}), r"small_study.yaml: cell: one budget for all variants"),
    "a budget of nothing": (changed(cell={"rows": 0}), r"small_study.yaml: cell: cell.rows: 'n'"),
    "a budget that is no number": (changed(cell={"rows": True}), r"cell.rows: a number, or 'all'"),
    "a seed of nothing that is drawn": (changed(cell={"rows": "all", "seed": 3}), r"cell.seed: nothing is drawn"),
    "a budget that is not said": (changed(cell={"rows": None}), r"cell.rows: a number, or 'all'"),
    "a budget and what was spent": (
        changed(cell={"money": 3, "spent": 5}),
        r"small_study.yaml: cell: unknown key 'spent'; there is: money, seed",
    ),
    "no such preset": (changed(student="huge"), r"small_study.yaml: student"),
    "a benchmark in both sets": (
        changed(benchmarks={"dev": ["aime24"], "held_out": ["aime24"]}),
        r"benchmarks.held_out: 'aime24' is named twice; what chooses is not held out",
    ),
    "one file in both sets": (
        asked({}, {"path": "./asked.parquet"}),
        r"benchmarks.held_out: 'other' is the table that 'asked' of dev is read from; what chooses is not held out",
    ),
    "a part of what chooses": (
        asked({}, {"only": {"a": "61"}}),
        r"benchmarks.held_out: 'other' is the table that 'asked'",
    ),
    "one table in both sets": (
        changed(benchmarks={"dev": ["aime24"], "held_out": [{"use": "aime24", "id": "again"}]}, evaluation={}),
        r"benchmarks.held_out: 'again' is the table that 'aime24' of dev is read from",
    ),
    "no such benchmark": (changed(benchmarks={"dev": ["aime42"]}), r"benchmarks.dev: .*aime42"),
    "a setting of the evaluation": (changed(evaluation={"temprature": 1}), r"evaluation: .*temprature"),
    "what is held out, twice": (changed(evaluation={"held_out": []}), r"evaluation.held_out: is not set here"),
    "benchmarks of the evaluation": (changed(evaluation={"benchmarks": []}), r"evaluation.benchmarks: is not set here"),
    "an unknown domain": (
        changed(evaluation={"domains": {"asked": "maths"}}),
        r"evaluation.domains.asked: 'maths' is no domain; there is: ",
    ),
    "asked too often": (
        changed(evaluation={"repeats": {"asked": 1001}}),
        r"evaluation.repeats.asked: a whole number from 1 to 1,000, not '1001'",
    ),
    "asked never": (changed(evaluation={"repeats": {"asked": 0}}), r"evaluation.repeats.asked: a whole number"),
    "a published word": (
        changed(published={"everything": {"average": "high"}}),
        r"published.everything.average: a number such as 41.9, or null",
    ),
    "a published list": (changed(published={"everything": {"asked": [1]}}), r"published.everything.asked: a number"),
    "a published error in words": (
        changed(published={"everything": {"se": "x"}}),
        r"published.everything.se: a number",
    ),
    "a note that is none": (changed(published={"everything": {"note": 3}}), r"published.everything.note: a text"),
    "a published figure of nothing": (
        changed(published={"everything": {"avrage": 3}}),
        r"published.everything: unknown key 'avrage'; did you mean 'average'\?",
    ),
    "a table that is not there": (
        changed(benchmarks={"dev": [{"path": "no.parquet", "question": "q"}]}, evaluation={}),
        r"benchmarks.dev.*no\.parquet",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_told_in_one_line(tmp_path, case):
    body, message = CASES[case]
    with pytest.raises(BadInput, match=message) as told:
        load_study(write_study(tmp_path, body))
    assert "\n" not in str(told.value)


def test_without_a_domain_a_stage_of_several_tracks_is_refused(tmp_path):
    body = study() | {"recipe": "openthoughts3_1_2m"}
    del body["domain"]
    with pytest.raises(BadInput, match=r"domain: say which track of openthoughts3_1_2m is forked at 'filter': math"):
        load_study(write_study(tmp_path, body))


def test_a_study_of_ones_own_folder_is_there_and_no_name_is_taken_twice(tmp_path, monkeypatch):
    write_study(tmp_path / "studies")
    (tmp_path / "studies" / "small.yaml").rename(tmp_path / "small.yaml")
    file = tmp_path / "studies" / "small_study.yaml"
    file.write_text(file.read_text().replace("recipe: small.yaml", "recipe: ../small.yaml"))
    monkeypatch.setenv("OT_STUDIES", str(tmp_path / "studies"))
    assert "small_study" in {read.name for read in studies(recipes())}
    write_recipe(tmp_path / "recipes", name="taken.yaml", body=None)
    taken = tmp_path / "recipes" / "taken.yaml"
    taken.write_text(taken.read_text().replace("name: small", "name: small_study"))
    monkeypatch.setenv("OT_RECIPES", str(tmp_path / "recipes"))
    with pytest.raises(BadInput, match=r"name: 'small_study' is also the name of .*taken\.yaml; rename one"):
        studies(recipes())


def test_parts_of_one_table_may_choose_and_be_held_out(tmp_path):
    file = write_study(tmp_path, asked({"only": {"a": "61"}}, {"only": {"a": "63"}}))
    assert load_study(file).benchmarks == {"dev": ("asked",), "held_out": ("other",)}


def test_what_was_published_may_be_unknown_and_explained(tmp_path):
    told = {"average": 41.9, "se": None, "asked": 3, "note": "read off a picture"}
    read = load_study(write_study(tmp_path, changed(published={"everything": told})))
    assert read.comparison["published"] == {"everything": told}


@pytest.mark.parametrize("name", ["openthoughts3_1_2m", "practice_math_filter", "beside"])
def test_a_study_may_not_take_the_name_of_another_recipe_or_study(tmp_path, name):
    file = write_study(tmp_path, changed(name=name))
    write_recipe(tmp_path, recipe() | {"name": "beside"}, "beside.yaml")
    with pytest.raises(
        BadInput, match=rf"small_study.yaml: name: '{name}' is also the name of .*{name}.yaml; rename one"
    ):
        find_study(str(file))


def test_two_studies_of_one_name_are_refused_and_a_file_is_no_other_than_itself(tmp_path, monkeypatch):
    file = write_study(tmp_path / "studies")
    monkeypatch.setenv("OT_STUDIES", str(tmp_path / "studies"))
    (tmp_path / "link").symlink_to(tmp_path / "studies")
    for name in ("small_study", str(file), str(tmp_path / "link" / file.name)):
        assert find_study(name).name == "small_study"
    (tmp_path / "studies" / "broken.yaml").write_text("a: [")
    assert find_study("small_study").name == "small_study"
    file.with_name("twin.yaml").write_text(file.read_text())
    for name in ("small_study", str(file)):
        with pytest.raises(
            BadInput, match=r"name: 'small_study' is also the name of .*(twin|small_study)\.yaml; rename"
        ):
            find_study(name)
