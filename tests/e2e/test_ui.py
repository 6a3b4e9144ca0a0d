"""What a person does in the UI with recipes of their own: change the size, fail, see why, cancel."""

from __future__ import annotations

import re
from contextlib import closing

from ot_resources.generators.ledger import Ledger
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, wait
from tests.recipes.small import KEPT

# One second is usual.
STOPS_WITHIN = 10


def test_the_launchpads_scale_is_the_size_of_the_run(ui: Dagster, server: Server):
    ui.launch("sized", "scale: 0", "scale: 0.05")
    ui.ends_in("Success")
    assert server.rows("sized", "dataset") == 5


def test_groups_are_made_from_their_menus(ui: Dagster, server: Server):
    """Sources and benchmarks are shared between recipes: the groups before the recipe's own."""
    for group in ("sources", "benchmarks", "small"):
        ui.materialize_group(group)
        ui.ends_in("Success")
    assert server.rows("small", "dataset") == KEPT


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
    answering = re.compile(r"slow/math/answers: [1-9].* in flight")
    ui.materialize_job("slow")
    ui.filter_log("in flight")
    ui.sees(answering, within=300_000)
    ui.press("Terminate")
    ui.press("Terminate 1 run")
    wait(lambda: server.status("slow") == "CANCELED", STOPS_WITHIN, "the run to end")
    ui.ends_in("Canceled")
    # The pool of models has one slot: the next run gets it, and what was answered is not asked again.
    ui.materialize_job("slow")
    ui.filter_log("in flight")
    ui.sees(answering, within=300_000)
    ui.press("Terminate")
    ui.press("Terminate 1 run")
    wait(lambda: server.status("slow") == "CANCELED", STOPS_WITHIN, "the second run to end")
    with closing(Ledger(server.data / "ledger")) as ledger:
        first, second = ledger.accounts()
    assert first["reused"] == 0 and second["reused"] >= first["answered"] > 0
