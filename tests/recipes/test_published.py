"""The four recipes, as the releases were made: sources, stages in their order, and published parameters."""

from __future__ import annotations

from typing import Any

import pytest

from ot_assets.recipes.library import find_recipe
from ot_assets.recipes.model import Reused, Track

STAGES = {
    "stratos_17k": {
        "math": "mix.quotas decontaminate.none dedup.none answers.teacher verify.judge select.verified format.sky_t1",
        "code": "decontaminate.none dedup.none answers.teacher verify.code select.verified format.sky_t1",
        "science": "decontaminate.none dedup.none answers.imported verify.none select.all format.sky_t1",
        "puzzle": "decontaminate.none dedup.none answers.imported verify.none select.all format.sky_t1",
    },
    "openthoughts_114k": {
        "math": "filter.math_text dedup.indel decontaminate.indel answers.teacher verify.judge select.verified"
        " format.sky_t1",
        "code": "filter.code_text dedup.indel decontaminate.indel answers.teacher verify.code select.verified"
        " format.sky_t1",
        "science": "mix.per_group dedup.indel decontaminate.indel answers.teacher verify.none select.all format.sky_t1",
        "puzzle": "mix.quotas dedup.indel decontaminate.indel answers.teacher verify.judge select.verified"
        " format.sky_t1",
    },
    "openthoughts2_1m": {
        "reused": "decontaminate.indel dedup.none answers.imported verify.none select.all format.think",
        "openr1": "decontaminate.indel dedup.none answers.imported verify.math select.verified format.think",
        "new_code": "mix.quotas dedup.indel decontaminate.indel sample.uniform answers.teacher verify.none"
        " select.first format.think",
        "new_math": "mix.quotas filter.no_proofs dedup.indel decontaminate.indel sample.uniform answers.teacher"
        " verify.none select.first format.think",
    },
    "openthoughts3_1_2m": {
        "math": "mix.quotas decontaminate.indel_or_ngram filter.response_length filter.question_length dedup.exact"
        " sample.uniform answers.teacher verify.math select.all format.think_human_gpt",
        "code": "mix.quotas decontaminate.indel_or_ngram filter.difficulty filter.question_length dedup.none"
        " sample.uniform answers.teacher verify.code select.all format.think_human_gpt",
        "science": "mix.quotas decontaminate.indel_or_ngram filter.response_length filter.question_length dedup.exact"
        " sample.uniform answers.teacher verify.math select.all format.think_human_gpt",
    },
}

# (recipe, track, stage): some parameters of the strategy there
PARAMETERS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("stratos_17k", "math", "answers"): {"samples": 1, "temperature": 0.0, "prefix": None},
    ("stratos_17k", "math", "format"): {"prefix": "boxed"},
    ("stratos_17k", "code", "answers"): {"max_tokens": 8192, "prefix": "code"},
    ("openthoughts_114k", "math", "dedup"): {"threshold": 95},
    ("openthoughts_114k", "math", "decontaminate"): {"threshold": 95},
    ("openthoughts_114k", "math", "answers"): {"max_tokens": 8000, "temperature": 0.0, "prefix": "boxed"},
    ("openthoughts_114k", "code", "answers"): {"max_tokens": 8192},
    ("openthoughts_114k", "code", "filter"): {"min_chars": 200},
    ("openthoughts_114k", "science", "mix"): {"by": "sub_topic", "n": 2, "seed": 42},
    ("openthoughts_114k", "puzzle", "mix"): {"quotas": {"riddle_sense": 1250}, "seed": 42},
    ("openthoughts2_1m", "new_code", "sample"): {"n": 150_000},
    ("openthoughts2_1m", "new_math", "sample"): {"n": 50_000},
    ("openthoughts2_1m", "new_code", "answers"): {"samples": 3, "temperature": 1.0},
    ("openthoughts2_1m", "new_code", "dedup"): {"threshold": 95},
    ("openthoughts3_1_2m", "math", "decontaminate"): {"threshold": 75, "ngram": 13},
    ("openthoughts3_1_2m", "math", "filter"): {"keep": 180_000},
    ("openthoughts3_1_2m", "code", "filter"): {"keep": 30_000, "per_source": True, "rubric": "icpc"},
    ("openthoughts3_1_2m", "science", "filter"): {"keep": 30_000, "per_source": True},
    ("openthoughts3_1_2m", "math", "answers"): {"samples": 16, "max_tokens": 32_000},
}

ROWS = {
    "stratos_17k": ((15_900, 17_500), {"math": 10_500, "code": "all", "science": "all", "puzzle": "all"}),
    "openthoughts_114k": ((108_000, 120_000), "all"),
    "openthoughts2_1m": ((860_000, 1_150_000), "all"),
    "openthoughts3_1_2m": (1_200_000, {"code": 250_000, "math": 850_000, "science": 100_000}),
}


def track(recipe: str, name: str) -> Track:
    return next(track for track in find_recipe(recipe).tracks if track.name == name)


@pytest.mark.parametrize("name", STAGES)
def test_the_stages_are_those_of_the_release_in_their_order(name):
    found = {t.name: " ".join(f"{c.stage}.{c.use}" for c in t.choices) for t in find_recipe(name).tracks}
    assert found == STAGES[name]


@pytest.mark.parametrize("place", PARAMETERS, ids="/".join)
def test_the_parameters_are_those_of_the_release(place):
    recipe, name, stage = place
    choice = next(choice for choice in track(recipe, name).choices if choice.stage == stage)
    assert choice.params | PARAMETERS[place] == choice.params


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_are_those_of_the_release(name):
    dataset = find_recipe(name).dataset
    assert (dataset.published, dataset.rows) == ROWS[name]


@pytest.mark.parametrize("name", STAGES)
def test_what_the_tracks_may_come_to_meets_what_the_dataset_should(name):
    """At full size both block: bands that exclude each other would stop a run after all of it was paid."""

    def band(published: Any) -> tuple[int, int]:
        if isinstance(published, dict):
            ends = [band(rows) for rows in published.values()]
            return sum(low for low, _ in ends), sum(high for _, high in ends)
        return published if isinstance(published, tuple) else (published, published)

    recipe = find_recipe(name)
    low = high = 0
    for each in recipe.tracks:
        told = [(choice, band(choice.published)) for choice in each.choices if choice.published is not None]
        if recipe.dataset.rows != "all" or not told:
            return
        low, high = low + told[-1][1][0], high + told[-1][1][1]
    wanted = band(recipe.dataset.published)
    assert low <= wanted[1]
    assert high >= wanted[0]


def test_who_answered_is_told():
    models = {
        name: {c.model for _, c in find_recipe(name).choices() if c.stage == "answers" and c.use == "teacher"}
        for name in STAGES
    }
    assert models == {
        "stratos_17k": {"deepseek-ai/DeepSeek-R1"},
        "openthoughts_114k": {"deepseek-ai/DeepSeek-R1"},
        "openthoughts2_1m": {"deepseek-ai/DeepSeek-R1"},
        "openthoughts3_1_2m": {"Qwen/QwQ-32B"},
    }


def test_openthoughts2_is_built_on_openthoughts_114k():
    (reused,) = track("openthoughts2_1m", "reused").sources
    assert isinstance(reused, Reused)
    assert (reused.recipe.name, reused.rows) == ("openthoughts_114k", "dataset")


def test_benchmarks_of_the_releases():
    five = {"math500", "aime24", "amc23", "livecodebench", "gpqa_diamond"}
    twelve = five | {"aime25", "hle", "codeforces", "jeebench", "mmlu_pro", "codeelo", "ioi"}
    for name, wanted in {"openthoughts_114k": five, "openthoughts2_1m": five, "openthoughts3_1_2m": twelve}.items():
        for _, choice in find_recipe(name).choices():
            if choice.stage == "decontaminate":
                assert {spec.id for spec in choice.tables["against"]} == wanted


def test_the_parts_of_stratos_and_114k_are_those_of_the_scripts():
    only = {spec.id: (spec.use, spec.split, spec.mapping.only) for spec in find_recipe("stratos_17k").outside()}
    assert only == {
        "labeled_amc_aime": ("labeled_numina", "train", {"source": "amc_aime"}),
        "labeled_math": ("labeled_numina", "train", {"source": "math"}),
        "labeled_olympiads": ("labeled_numina", "train", {"source": "olympiads"}),
        "apps_test": ("apps", "test", {}),
        "taco_medium": ("taco", "train", {"difficulty": "MEDIUM"}),
        "taco_test": ("taco", "test", {}),
        "still2_science": ("long_form_thought", "train", {"domain": ("physics", "chemistry", "biology")}),
        "still2_puzzle": ("long_form_thought", "train", {"domain": "puzzle"}),
    }
    counts = next(c.published for c in track("openthoughts_114k", "math").choices if c.stage == "filter")
    assert isinstance(counts, dict)
    assert sum(counts.values()) == 151_522
