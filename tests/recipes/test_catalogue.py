"""The catalogue is data: every entry can be read, and the candidates of the sourcing study are all there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ot_assets.contracts import DOMAINS
from ot_assets.recipes.library import recipes
from ot_assets.recipes.sources import catalogue, read_benchmark, read_source
from tests.conftest import PROJECT

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


def test_what_recipes_read_has_a_stand_in():
    samples = PROJECT / "data" / "samples"
    for recipe in recipes():
        for spec in recipe.outside():
            folder = samples / spec.dataset.replace("/", "__")
            assert any(folder.glob("*")), f"{recipe.name} reads {spec.id}, which has no stand-in"
