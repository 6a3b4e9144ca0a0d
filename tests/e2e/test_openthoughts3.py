"""OpenThoughts3 in miniature as a person makes it and looks at it: in the UI, from the graph to one asset's preview."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ot_assets.lineage.record import FIRST_TIME
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, serving

NAME = "openthoughts3_1_2m"
TABLES = 32


@pytest.fixture(scope="module")
def server(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def test_it_is_made_from_its_jobs_page(ui: Dagster, server: Server):
    ui.materialize_job(NAME)
    ui.ends_in("Success")
    assert server.rows(NAME, "dataset") == 1632 + 480 + 192


def test_the_whole_graph_is_green(ui: Dagster):
    ui.open_graph(NAME, *(f"{NAME}/{part}" for part in ("math", "code", "science", "dataset")))
    ui.all_green(TABLES)
    ui.picture("graph")


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
