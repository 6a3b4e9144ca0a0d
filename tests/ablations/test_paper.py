"""The paper's studies are data: all stages and domains are there and load, and what was published is consistent."""

from __future__ import annotations

import math

import polars as pl
import pytest

from ot_assets.ablations.compose import compose
from ot_assets.ablations.library import study_files
from ot_assets.ablations.loading import load_study
from ot_assets.ablations.model import Study
from ot_assets.ablations.plan import plan_study
from ot_assets.ablations.winner import Winner
from ot_assets.recipes.library import find_recipe, recipes
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.sources import catalogue

FILES = {file.stem: file for file in study_files() if file.stem.startswith("openth")}
DOMAINS = ("code", "math", "science")
CELL = 31_600
LOADED = {recipe.file.resolve(): recipe for recipe in recipes()}


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    return {name: load_study(file, look=False, loaded=LOADED) for name, file in FILES.items()}


def rows(study: Study, variant: str) -> int:
    return int(study.variants[variant].cell.params["n"])


def test_every_stage_of_the_paper_is_there_for_every_domain(studies):
    stages = ("sources", "mix", "filter", "dedup", "select", "teacher")
    named = {f"openthoughts3_{domain}_{stage}" for domain in DOMAINS for stage in stages}
    sweep = {f"openthoughts3_math_mix_{rows}" for rows in (1000, 3160, 10000)}
    assert set(FILES) == named | sweep | {"openthoughts3_scaling", "openthinker", "openthinker2", "openthinker3"}
    assert all(study.source and study.description for study in studies.values())
    assert sum(len(study.variants) for study in studies.values()) > 200


@pytest.mark.parametrize("name", FILES)
def test_it_is_planned_with_a_chain_for_each_variant(studies, name):
    plan = plan_study(studies[name])
    ends = {variant: nodes[-1].key for variant, nodes in plan.variants.items()}
    assert ends == {variant: (name, variant, "scores") for variant in studies[name].variants}
    assert plan.scoreboard.inputs == tuple(ends.values())


def test_the_sourcing_studies_hold_all_candidates(studies):
    entries = {name: entry for name, entry in catalogue("sources").items() if "study" in entry}
    for domain in DOMAINS:
        wanted = {name for name, entry in entries.items() if entry["domain"] == domain}
        assert set(studies[f"openthoughts3_{domain}_sources"].variants) == wanted


def test_mixing_takes_the_best_in_equal_shares(studies):
    entries = catalogue("sources")
    for name in (name for name in FILES if "_mix" in name):
        study = studies[name]
        for variant, made in study.variants.items():
            ids = [source.id for source in made.track.sources]
            ranks = [entries[source]["study"]["rank"] for source in ids]
            assert ranks == list(range(1, len(ids) + 1))
            assert len(ids) == min(int(variant.removeprefix("top_")), 13 if study.domain == "science" else 16)
            keep = next(choice for choice in made.track.choices if choice.stage == "filter").params
            assert keep["per_source"] and rows(study, variant) * 1.05 <= keep["keep"] * len(ids)
            assert keep["keep"] == math.ceil(rows(study, variant) * 1.05 / len(ids))


def test_duplicates_times_samples_are_the_same_number_of_rows(studies):
    for domain in DOMAINS:
        study = studies[f"openthoughts3_{domain}_dedup"]
        seen = set()
        for variant, made in study.variants.items():
            choices = {choice.stage: choice for choice in made.track.choices}
            samples, n = choices["answers"].params["samples"], choices["sample"].params["n"]
            assert rows(study, variant) == CELL < n * samples <= CELL * 1.06
            assert variant == f"{ {'indel': 'fuzzy'}.get(choices['dedup'].use, choices['dedup'].use) }_{samples}"
            # Draws with one seed contain each other, and so do their answers: none is asked twice.
            seen.add((choices["sample"].params["seed"], choices["answers"].params["temperature"]))
        assert len(study.variants) == 9 and len(seen) == 1


def test_filters_that_differ_only_in_the_model_are_different_plans(studies):
    for domain in DOMAINS:
        variants = studies[f"openthoughts3_{domain}_filter"].variants
        asked = {
            choice.teacher
            for name in ("length_4o_mini", "length_4_1_nano", "length_4_1_mini")
            for choice in variants[name].track.choices
            if choice.asset == "filtered"
        }
        assert asked == {"gpt-4o-mini", "gpt-4.1-nano", "gpt-4.1-mini"}
        assert sum(name.startswith("fasttext") for name in variants) == {"code": 7, "math": 7, "science": 6}[domain]


def test_the_ladder_climbs_to_the_whole_dataset(studies):
    study = studies["openthoughts3_scaling"]
    sizes = [rows(study, variant) for variant in study.variants]
    assert sizes == [316, 1_000, 3_160, 10_000, 31_600, 100_000, 316_000, 1_200_000]


def test_published_averages_are_those_of_their_benchmarks(studies):
    """Three benchmarks of code, three of math, two of science: a figure that was mistyped would not fit the others."""
    checked = 0
    for study in studies.values():
        for variant, told in study.comparison["published"].items():
            if {"average", *DOMAINS} <= set(told):
                mean = (3 * told["code"] + 3 * told["math"] + 2 * told["science"]) / 8
                assert told["average"] == pytest.approx(mean, abs=0.16), (study.name, variant)
                checked += 1
    assert checked == 40


def test_what_is_published_by_benchmark_is_of_a_benchmark_that_is_asked(studies):
    general = {"average", "se", *DOMAINS}
    for study in studies.values():
        asked = {name for names in study.benchmarks.values() for name in names}
        for variant, told in study.comparison["published"].items():
            assert set(told) - general <= asked, (study.name, variant)


def test_each_choice_of_the_flagship_that_is_justified_names_a_study_of_it(studies):
    recipe = find_recipe("openthoughts3_1_2m")
    justified = 0
    for track in recipe.tracks:
        whys = [("sources", track.because), *((choice.stage, choice.because) for choice in track.choices)]
        for stage, why in whys:
            if why is None:
                continue
            justified += 1
            study = studies[why.study]
            assert study.domain == track.name and study.recipe.name == recipe.name
            assert stage in {*study.stages, "mix"} and why.variant in study.variants
            for variant, figures in why.published.items():
                known = study.comparison["published"][variant]
                assert {name: known[name] for name in figures} == figures, (why.study, variant)
        assert [choice.stage for choice in track.choices if choice.because] == [
            *("mix", "filter", "dedup", "sample", "answers", "select")
        ]
    assert justified == 21


def test_what_was_chosen_is_what_was_published_as_the_best_where_it_was(studies):
    """Each published winner was taken, but for the answer filters, where keeping all was within the noise."""
    best = {
        name: max(told, key=lambda variant: told[variant]["average"])
        for name, study in studies.items()
        if (told := {v: t for v, t in study.comparison["published"].items() if "average" in t})
    }
    for track in find_recipe("openthoughts3_1_2m").tracks:
        for why in (track.because, *(choice.because for choice in track.choices)):
            if why and why.study in best:
                assert best[why.study] == why.variant


@pytest.mark.parametrize(
    "name", [name for name in FILES if name.startswith("openthoughts3_") and "scaling" not in name]
)
def test_whatever_it_chooses_makes_a_recipe(studies, name, tmp_path):
    """Every variant of every study of the paper could win: the flagship with it in its place loads."""
    study = studies[name]
    scores = [float(place) for place in range(len(study.variants))]
    for chosen in study.variants:
        board = pl.DataFrame(
            {
                "variant": list(study.variants),
                "verdict": ["winner" if variant == chosen else "loses" for variant in study.variants],
                "score": scores,
                "se": [1.0] * len(scores),
            }
        )
        made = compose([Winner(study, "v1", chosen, board)], "best", tmp_path)
        file = tmp_path / "best.yaml"
        file.write_text(made.text)
        tracks = {track.name: track for track in load_recipe(file, look=False).tracks}
        before = {track.name: track for track in study.recipe.tracks}
        track = tracks.pop(study.domain)
        whys = [why for why in (track.because, *(choice.because for choice in track.choices)) if why]
        assert {why.variant for why in whys if why.study == name} == {chosen}
        own = {choice.asset: choice for choice in study.variants[chosen].track.choices}
        for choice in track.choices:
            if choice.because and choice.because.study == name:
                assert choice.use == own[choice.asset].use
                assert choice.params.keys() == own[choice.asset].params.keys()
        assert all([c.params for c in t.choices] == [c.params for c in before[n].choices] for n, t in tracks.items())
