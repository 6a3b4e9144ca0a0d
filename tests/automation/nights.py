"""Nights as they pass, one after another: the look at the sources, the hour, and the run that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from ot_assets.automation.observe import JOB
from ot_assets.graph.assets import REFRESH
from ot_assets.graph.keys import asset_key
from ot_assets.location import build
from ot_assets.recipes.loading import load_recipe
from ot_resources.store import Store
from tests.recipes.small import math, recipe, write_recipe

QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
EVENING = datetime(2031, 1, 1, 18, tzinfo=UTC)


class Nights:
    """An instance, the recipes of a location, and the time of day."""

    def __init__(self, instance: dg.DagsterInstance, files: list[Path]) -> None:
        self.instance = instance
        self.files = files
        self.cursor: Any = None
        self.now = EVENING

    @property
    def folder(self) -> Path:
        """Where the recipes' folders are."""
        return self.files[0].parents[1]

    @property
    def definitions(self) -> dg.Definitions:
        """The location as it is loaded now."""
        return build([load_recipe(file, look=False) for file in self.files])

    def make(
        self, name: str, scale: float | None = None, only: list[str] | None = None, store: Store | None = None
    ) -> dg.ExecuteInProcessResult:
        """A person materialises a recipe, or some tables of it."""
        sizing = {"resources": {"sizing": {"config": {"scale": scale}}}} if scale else {}
        instead = {"store": store} if store else {}
        definitions = build([load_recipe(file, look=False) for file in self.files], instead)
        options = {"asset_selection": [asset_key(tuple(asset.split("/"))) for asset in only]} if only else {}
        return self._run(definitions.resolve_job_def(name), run_config=QUIET | sizing, **options)

    def observe(self) -> dg.ExecuteInProcessResult:
        """What the schedule does at half past one."""
        return self._run(self.definitions.resolve_job_def(JOB))

    def asked(self, after: timedelta) -> set[str]:
        """Time goes on; what does the sensor ask for?"""
        self.now += after
        definitions = self.definitions
        keys = definitions.resolve_asset_graph().materializable_asset_keys
        result = dg.evaluate_automation_conditions(
            definitions,
            self.instance,
            asset_selection=dg.AssetSelection.assets(*keys),
            evaluation_time=self.now,
            cursor=self.cursor,
        )
        self.cursor = result.cursor
        return {key.to_user_string() for key in keys if result.get_num_requested(key)}

    def night(self, observe: bool = True) -> set[str]:
        """One whole night, until the sensor has asked."""
        if self.cursor is None:
            self.asked(timedelta(0))
        if observe:
            self.observe()
        asked = self.asked(timedelta(hours=8, seconds=20))
        self.now += timedelta(hours=15, minutes=59, seconds=40)
        return asked

    def run(self, asked: set[str]) -> dg.ExecuteInProcessResult:
        """The run that the daemon starts for what was asked."""
        return self._run(
            self.definitions.resolve_implicit_global_asset_job_def(),
            asset_selection=[asset_key(tuple(name.split("/"))) for name in asked],
            tags={REFRESH: "0 2 * * *"},
        )

    def _run(self, job: dg.JobDefinition, **options: Any) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(instance=self.instance, raise_on_error=False, **({"run_config": QUIET} | options))


def write_named(folder: Path, name: str, change: Callable[[dict[str, Any]], None] = lambda body: None) -> Path:
    """The small recipe under another name, with a source of its own; the benchmark is shared."""
    body = recipe() | {"name": name}
    math(body)[0]["sources"][0]["id"] = f"{name}_made"
    math(body)[1]["decontaminate"]["against"][0]["path"] = "../benchmark.jsonl"
    change(body)
    file = write_recipe(folder / name, body)
    if not (folder / "benchmark.jsonl").exists():
        (folder / name / "benchmark.jsonl").rename(folder / "benchmark.jsonl")
    return file


def append(file: Path, **row: Any) -> None:
    """One more row for a Parquet file."""
    table = pl.read_parquet(file)
    pl.concat([table, pl.DataFrame([row], schema=table.schema)]).write_parquet(file)


def new_question(file: Path, number: int = 1) -> None:
    """One more question for the questions of the small recipe."""
    append(file, id=f"new-{number}", problem=f"Name a number above {number} million.", gold="9", reply="9", level=0)
