"""The catalogue is data: every entry can be read, and the candidates of the sourcing study are all there."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.against import openthoughts3_rule, openthoughts3_sets
from ot_assets.recipes.library import recipes
from ot_assets.recipes.sources import catalogue, groups, read_benchmark, read_source
from ot_assets.strategies.sources.mapped import to_questions
from ot_resources.hub import Hub
from tests.conftest import PROJECT

SAMPLES = PROJECT / "data" / "samples"
SOURCES, BENCHMARKS = catalogue("sources"), catalogue("benchmarks")


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_can_be_named_in_a_recipe(name):
    spec = read_source(name, Path(), "test", "math")
    assert spec.dataset.count("/") == 1
    assert spec.domain in DOMAINS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_named_in_a_recipe(name):
    assert read_benchmark(name, Path(), "test").dataset.count("/") == 1


def test_all_candidates_of_the_sourcing_study_are_there():
    """27 sets for code, 21 for math, 14 for science (paper); ranks as in the mixing configs: 16, 16 and 13."""
    study = {name: entry for name, entry in SOURCES.items() if "study" in entry}
    assert Counter(entry["domain"] for entry in study.values()) == {"code": 27, "math": 21, "science": 14}
    for domain, ranked in {"code": 16, "math": 16, "science": 13}.items():
        ranks = [e["study"]["rank"] for e in study.values() if e["domain"] == domain and "rank" in e["study"]]
        assert sorted(ranks) == list(range(1, ranked + 1)), domain


@pytest.mark.parametrize("entry", [*SOURCES.values(), *BENCHMARKS.values()], ids=[*SOURCES, *BENCHMARKS])
def test_an_entry_says_where_it_was_read_or_that_nobody_did(entry):
    assert {"verified", "licence"} <= set(entry)
    assert entry["verified"] is None or len(entry["verified"]) > 10


def test_the_benchmarks_that_recipes_of_this_kind_are_cleaned_against_are_there():
    """Those of OpenThoughts3 are the group; beside them are later and other ones."""
    assert {"aime25_i", "aime25_ii", "hmmt_feb25", "humaneval", "mbpp", "bigcodebench", "gsm8k_test"} <= set(BENCHMARKS)
    assert {"math_test", "minerva_math", "olympiadbench", "livecodebench_v5", "livecodebench_v6"} <= set(BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_a_stand_in_that_is_read_as_the_catalogue_says(name):
    spec = read_benchmark(name, Path(), "test")
    folder = SAMPLES / spec.dataset.replace("/", "__")
    if spec.repository_files:
        table = pl.scan_ndjson(sorted(folder.glob(spec.repository_files)))
    else:
        table = pl.scan_parquet(folder / f"{spec.split}.parquet")
    read = to_questions(table, source=name, mapping=spec.read_as(stand_in=True), where=name)
    kept = read.kept.collect()
    assert kept.height >= 12 and kept["question"].str.len_chars().min() > 40
    assert read.dropped.collect().is_empty()


def test_a_revision_that_was_read_is_a_whole_commit_and_is_locked_without_asking_the_hub(tmp_path):
    hub = Hub(cache=str(tmp_path), lock=str(tmp_path / "revisions.lock"))
    read = {entry["dataset"]: entry["revision"] for entry in BENCHMARKS.values() if entry.get("revision")}
    assert "opencompass/AIME2025" in read
    for dataset, revision in read.items():
        assert re.fullmatch("[0-9a-f]{40}", revision)
        assert hub.revision(dataset, "test", known=revision) == revision
        assert hub.revision(dataset, "test", known="another") == revision, "the lock goes before the catalogue"
    assert json.loads((tmp_path / "revisions.lock").read_text()) == read


def test_what_recipes_read_has_a_stand_in():
    for recipe in recipes():
        for spec in recipe.outside():
            folder = SAMPLES / spec.dataset.replace("/", "__")
            assert any(folder.glob("*")), f"{recipe.name} reads {spec.id}, which has no stand-in"


def test_the_docs_list_every_benchmark_and_its_groups():
    lines = (PROJECT / "docs" / "recipes.md").read_text().splitlines()
    for name, entry in BENCHMARKS.items():
        (line,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        assert entry["dataset"] in line and (entry["licence"] or "not read") in line
        assert [group for group in groups() if f"`{group}`" in line] == [
            g for g, ids in groups().items() if name in ids
        ]


def test_the_twelve_sets_of_openthoughts3_are_a_group():
    twelve = (
        "math500 aime24 amc23 livecodebench aime25 hle codeforces gpqa_diamond jeebench mmlu_pro codeelo ioi".split()
    )
    assert [spec.id for spec in openthoughts3_sets()] == groups()["openthoughts3"] == twelve
    rule = openthoughts3_rule()
    assert (rule.use, rule.params["threshold"], rule.params["ngram"]) == ("indel_or_ngram", 75, 13)
