"""What a person does in the UI, done by a browser on a running Dagster."""

from __future__ import annotations

import time

from ot_assets.lineage.record import FIRST_TIME
from ot_resources.store import Store
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, wait
from tests.recipes.small import KEPT

OT3 = "openthoughts3_1_2m"


def rows(server: Server, *asset: str) -> int:
    version = Store(root=str(server.data)).latest(asset)
    assert version is not None, asset
    return version.rows


def status_of(server: Server, job: str) -> str:
    return next(run for run in server.instance.get_runs() if run.job_name == job).status.value


def test_openthoughts3_is_made_from_its_jobs_page(ui: Dagster, server: Server):
    ui.materialize_job(OT3)
    ui.ends_in("Success")
    ui.picture("run")
    assert rows(server, OT3, "dataset") == 1632 + 480 + 192


def test_the_whole_graph_is_green(ui: Dagster):
    ui.open_graph(OT3, *(f"{OT3}/{track}" for track in ("math", "code", "science", "dataset")))
    ui.sees("metadata")
    ui.picture("graph")
    assert ui.page.get_by_text("Materialized").count() >= 25
    assert not ui.page.get_by_text("Never materialized").count()
    assert not ui.page.get_by_text("Failed").count()


def test_an_asset_shows_preview_numbers_and_plots(ui: Dagster):
    ui.open(f"/assets/{OT3}/math/verified?view=events")
    for text in ("Metadata", "because", FIRST_TIME, "verified_rate", "histogram", "verdicts", "preview"):
        ui.sees(text)
    ui.page.get_by_text("histogram", exact=True).scroll_into_view_if_needed()
    ui.picture("asset")


def test_an_assets_checks_are_green(ui: Dagster):
    ui.open(f"/assets/{OT3}/dataset?view=checks")
    for check in ("rows_present", "quota_met", "no_benchmark_overlap", "tags_closed"):
        ui.sees(check)
    ui.click("quota_met")
    ui.sees("Passed")
    ui.picture("checks")


def test_the_resources_are_shown_with_what_they_are(ui: Dagster):
    ui.open("/locations/openthoughts/resources")
    for resource in ("embedder", "hub", "judge", "sandbox", "sizing", "store", "teacher", "warehouse"):
        ui.sees(resource)
    ui.click("sizing")
    ui.sees("Share of the published size")
    ui.picture("resource")


def test_the_launchpads_scale_is_the_size_of_the_run(ui: Dagster, server: Server):
    ui.launch("sized", "scale: 0", "scale: 0.05")
    ui.sees("Run of")
    ui.ends_in("Success")
    assert rows(server, "sized", "dataset") == 5


def test_a_recipes_group_is_made_from_its_menu(ui: Dagster, server: Server):
    """Sources and benchmarks are shared, and there already: the group has its own tables only."""
    ui.materialize_group("small")
    ui.open("/assets/small/metadata?view=events")
    ui.sees("Materialized in run", within=120_000)
    assert rows(server, "small", "dataset") == KEPT


def test_a_failing_check_and_its_run_say_what_is_wrong(ui: Dagster):
    ui.materialize_job("short")
    ui.ends_in("Failure")
    ui.sees(f"short/dataset: quota_met failed: math {KEPT} of 99; give more 'spare' or source rows")
    ui.sees("Not retrying run since it failed due to an asset or op failure")
    ui.picture("failed-run")
    ui.open("/assets/short/dataset?view=checks")
    ui.click("quota_met")
    ui.sees("Failed")
    ui.sees(f"math {KEPT} of 99")
    ui.picture("failed-check")


def test_a_run_is_cancelled_and_leaves_its_slot_and_what_was_answered(ui: Dagster, server: Server):
    ui.materialize_job("slow")
    ui.sees("512 answered", within=300_000)
    ui.press("Terminate")
    asked = time.monotonic()
    ui.press("Terminate 1 run")
    wait(lambda: status_of(server, "slow") == "CANCELED", 10, "the run to end")
    assert time.monotonic() - asked < 10
    ui.ends_in("Canceled")
    # The pool of models has one slot: the next run gets it, and what was answered is not asked again.
    ui.materialize_job("slow")
    ui.sees("512 reused", within=120_000)
    ui.press("Terminate")
    ui.press("Terminate 1 run")
    wait(lambda: status_of(server, "slow") == "CANCELED", 10, "the second run to end")


def test_the_night_is_on_and_can_be_seen(ui: Dagster):
    ui.open("/automation")
    for text in ("nightly_refresh", "observe_sources", "01:30 AM"):
        ui.sees(text)
    ui.picture("automation")
    ui.open("/locations/openthoughts/sensors/nightly_refresh")
    ui.sees("0 2 * * *")
    ui.open("/assets/small/dataset")
    ui.sees("Fails if more than 3 months since last materialization")
