"""The four recipes in miniature as a person makes and sees them: in the UI, from the graph to one asset's preview."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ot_assets.lineage.record import FIRST_TIME
from ot_assets.recipes.library import find_recipe
from ot_assets.recipes.plan import plan
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, serving

NAME = "openthoughts3_1_2m"
RECIPES = ("stratos_17k", "openthoughts_114k", "openthoughts2_1m", NAME)


@pytest.fixture(scope="module")
def server(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def test_all_four_are_made_at_once(ui: Dagster, server: Server):
    ui.materialize_job("all_recipes")
    ui.ends_in("Success")
    ui.picture("run")
    assert server.rows(NAME, "dataset") == 1632 + 480 + 192
    assert server.rows("openthoughts_114k", "unverified") > server.rows("openthoughts_114k", "dataset") > 0
    assert server.rows("openthoughts2_1m", "reused", "openthoughts_114k") == server.rows("openthoughts_114k", "dataset")
    assert server.rows("stratos_17k", "dataset") > 0


@pytest.mark.parametrize("name", RECIPES)
def test_the_whole_graph_is_green(ui: Dagster, name: str):
    recipe = find_recipe(name)
    ui.open_graph(name, *(f"{name}/{part}" for part in (*(track.name for track in recipe.tracks), "dataset")))
    ui.all_green(sum(1 for node in plan(recipe) if node.recipe and node.recipe.name == name))
    ui.picture("graph" if name == NAME else f"graph-{name}")


def test_a_stage_is_made_again_alone(ui: Dagster, server: Server):
    before = server.rows("openthoughts2_1m", "new_code", "selected")
    ui.open("/assets/openthoughts2_1m/new_code/selected")
    ui.press("Materialize")
    ui.launched_run()
    ui.ends_in("Success")
    ui.filter_log("selected")
    ui.sees("reused")
    assert server.rows("openthoughts2_1m", "new_code", "selected") == before


def test_an_asset_shows_preview_histogram_and_plots(ui: Dagster):
    ui.open(f"/assets/{NAME}/math/verified?view=events")
    for text in ("because", FIRST_TIME, "verified_rate", "verdicts", "The answer is"):
        ui.sees(text)
    ui.page.set_viewport_size({"width": 1440, "height": 1350})
    ui.picture("asset")
    ui.open(f"/assets/{NAME}/math/verified")
    ui.click("Plots")
    ui.sees("verified_rate")


def test_the_checks_are_passed_and_the_teacher_is_warned_of(ui: Dagster):
    ui.open(f"/assets/{NAME}/dataset?view=checks")
    for check in ("rows_present", "no_benchmark_overlap", "tags_closed"):
        ui.sees(check)
    ui.click("quota_met")
    ui.sees("code 480 of 480, math 1,632 of 1,632, science 192 of 192")
    ui.sees("Passed")
    ui.picture("checks")
    ui.click("real_teacher")
    ui.sees("a miniature for trying the graph out, not for training on")


def test_the_resources_say_what_they_are(ui: Dagster):
    ui.open("/locations/openthoughts/resources")
    for resource in ("embedder", "hub", "judge", "sandbox", "sizing", "store", "teacher", "warehouse"):
        ui.sees(resource)
    ui.click("sizing")
    ui.sees("Share of the published size")


def test_the_night_is_on_and_can_be_seen(ui: Dagster):
    ui.open("/automation")
    for text in ("nightly_refresh", "observe_sources", "01:30 AM"):
        ui.sees(text)
    ui.open("/locations/openthoughts/sensors/nightly_refresh")
    ui.sees("0 2 * * *")
    ui.open(f"/assets/{NAME}/dataset")
    ui.sees("Fails if more than 3 months since last materialization")
