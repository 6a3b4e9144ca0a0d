"""Nights of a minute with the real daemon: at every full minute the sources are looked at, and it is two o'clock."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from ot_assets.automation.observe import JOB
from ot_assets.graph.assets import REFRESH
from ot_resources.store import Store, run_lines
from tests.automation.nights import append
from tests.cli.running import environment, ot
from tests.conftest import PROJECT
from tests.e2e.pages import Dagster
from tests.e2e.server import Server, serving, wait
from tests.faults.samples import stored
from tests.recipes.small import KEPT, math, recipe, write_recipe

SAMPLES, MANY = 3, 120
# What is due within a minute or two, on a machine that has other things to do.
SOON = 300


def write(folder: Path, name: str, samples: int = 0) -> Path:
    """The small recipe under another name, over questions of its own; with a teacher when there are samples."""
    body: dict[str, Any] = recipe() | {"name": name}
    math(body)[0]["sources"][0] |= {"id": f"{name}_made", "path": f"{name}.parquet"}
    if samples:
        math(body)[3] = {"answers": {"use": "teacher", "samples": samples, "max_tokens": 160}}
    file = write_recipe(folder, body, f"{name}.yaml")
    shutil.copy(folder / "questions.parquet", folder / f"{name}.parquet")
    return file


@pytest.fixture(scope="module")
def server(teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`asked` (with a teacher) and `kept` were made before the first night; `many` was not."""
    folder = tmp_path_factory.mktemp("night")
    write(folder / "recipes", "many", MANY)
    for file in (write(folder / "recipes", "asked", SAMPLES), write(folder / "recipes", "kept")):
        made = ot(folder / "data", "materialize", str(file))
        assert made.returncode == 0, made.stderr
    with serving(folder, OT_OBSERVE_AT="* * * * *", OT_REFRESH_AT="* * * * *") as running:
        yield running


def dataset(server: Server, recipe: str) -> pl.DataFrame:
    version = Store(root=str(server.data)).latest((recipe, "dataset"))
    assert version is not None
    return version.scan().collect()


def looks(server: Server) -> list[dg.DagsterRun]:
    return [run for run in server.instance.get_runs() if run.job_name == JOB and run.is_finished]


def refreshes(server: Server) -> list[dg.DagsterRun]:
    return [run for run in server.instance.get_runs() if REFRESH in run.tags]


def two_nights(server: Server) -> None:
    before = len(looks(server))
    wait(lambda: len(looks(server)) >= before + 2, SOON, "two nights to pass", every=2)


def test_nothing_changed_and_nothing_is_run(server):
    two_nights(server)
    assert looks(server)[0].is_success
    assert refreshes(server) == []


def test_a_changed_row_is_in_the_dataset_in_the_morning(server, ui: Dagster):
    kept = dataset(server, "kept")
    # Of a kind that the teacher knows.
    append(
        server.recipes / "asked.parquet",
        id="new",
        problem="Emil has 4 boxes of 6 pens and 5 loose pens. How many pens in total?",
        gold="29",
        reply="29",
        level=0,
    )
    wait(lambda: any(run.is_finished for run in refreshes(server)), SOON, "the refresh", every=2)
    (run,) = refreshes(server)
    assert run.is_success
    answered = dataset(server, "asked").filter(pl.col("question").str.contains("4 boxes of 6 pens")).height
    # An answer that is cut off is not released.
    assert 1 <= answered <= SAMPLES
    assert dataset(server, "kept").equals(kept)
    lines = {line["asset"]: line for line in run_lines(server.data) if line["run_id"] == run.run_id}
    assert {name.split("/")[0] for name in lines} == {"sources", "asked"}
    assert "sources/kept_made" not in lines
    assert lines["asked/math/answers"]["usage"]["answered"] == SAMPLES

    ui.open(f"/runs/{run.run_id}")
    ui.sees("nightly_refresh")
    ui.filter_log("the source changed")
    ui.sees("the source changed: ")
    ui.picture("night")
    two_nights(server)
    assert len(refreshes(server)) == 1


def test_a_vanished_source_alarms_and_everything_stays(server, ui: Dagster):
    before, refreshed, file = dataset(server, "kept"), len(refreshes(server)), server.recipes / "kept.parquet"
    aside = file.rename(file.with_suffix(".away"))
    wait(lambda: looks(server)[0].status == dg.DagsterRunStatus.FAILURE, SOON, "the alarm", every=2)
    ui.open("/assets/sources/kept_made?view=checks")
    ui.click("source_present")
    ui.sees("Failed")
    ui.sees("the last good version of sources/kept_made stays in use")
    ui.picture("alarm")
    aside.rename(file)
    wait(lambda: looks(server)[0].is_success, SOON, "the source to be seen again", every=2)
    assert len(refreshes(server)) == refreshed
    assert dataset(server, "kept").equals(before)


def test_a_crashed_worker_is_started_again_and_asks_nothing_twice(server):
    before = len(stored(server.data))
    first = launch(server, "many")
    wait(lambda: len(stored(server.data)) >= before + 512, SOON, "the first answers", every=0.2)
    os.kill(int(says(server, first, r"Started process for run \(pid: (\d+)\)")), signal.SIGKILL)
    wait(lambda: server.runs(**{"dagster/parent_run_id": first}), SOON, "the retry")
    (again,) = server.runs(**{"dagster/parent_run_id": first})
    wait(lambda: server.instance.get_run_by_id(again.run_id).is_finished, SOON, "the retry's end")
    assert server.instance.get_run_by_id(again.run_id).is_success
    (line,) = (
        line
        for line in run_lines(server.data)
        if line["run_id"] == again.run_id and line["asset"] == "many/math/answers"
    )
    assert line["usage"]["reused"] >= 512
    assert line["usage"]["reused"] + line["usage"]["answered"] == MANY * KEPT


def launch(server: Server, job: str) -> str:
    """A run of a job through the queue, as any of Dagster's clients starts one."""
    dagster = Path(sys.executable).with_name("dagster")
    launched = subprocess.run(
        [str(dagster), "job", "launch", "--workspace", "workspace.yaml", "-j", job],
        cwd=PROJECT,
        env=environment(server.data, OT_RECIPES=str(server.recipes), DAGSTER_HOME=str(server.data / "dagster")),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert launched.returncode == 0, launched.stderr
    return next(run.run_id for run in server.instance.get_runs() if run.job_name == job)


def says(server: Server, run_id: str, pattern: str) -> str:
    """The group of a pattern, or the whole of what it matches, in the log of a run; empty when nothing does."""
    for event in server.instance.all_logs(run_id):
        text = event.user_message or (event.dagster_event.message if event.dagster_event else "") or ""
        if found := re.search(pattern, text):
            return found.group(found.re.groups)
    return ""
