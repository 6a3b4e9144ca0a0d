"""The night: at half past one the sources are looked at, at two what hangs on a change is made anew.

Both are on as soon as `make dev`, or `dagster-daemon` with the project's dagster.yaml, runs. The times are here, and
can be set by OT_OBSERVE_AT, OT_REFRESH_AT (cron) and OT_TIMEZONE.
"""

from __future__ import annotations

import os
import warnings
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from ot_assets.automation.conditions import Adopted, Outdated
from ot_assets.automation.observe import JOB
from ot_assets.graph.assets import REFRESH
from ot_assets.graph.keys import asset_key
from ot_assets.recipes.plan import Key, Node, with_upstream
from ot_resources.interfaces import BadInput

SENSOR = "nightly_refresh"


@dataclass(frozen=True)
class Night:
    """When the night comes (cron), and how old a dataset may get.

    A dataset is made anew only when something that it hangs on changed, so age alone is no fault: the two ages say when
    a person should look whether its sources still come in.
    """

    observe: str = "30 1 * * *"
    refresh: str = "0 2 * * *"
    timezone: str = "UTC"
    old_after: timedelta = timedelta(days=30)
    stale_after: timedelta = timedelta(days=90)

    @classmethod
    def from_environment(cls) -> Night:
        """The times that are set in the environment, checked."""
        for variable in ("OT_OBSERVE_AT", "OT_REFRESH_AT"):
            cron = os.environ.get(variable)
            if cron and not is_cron(cron):
                raise BadInput(f"{variable}={cron}: not a cron expression such as '{cls.refresh}' (at two every night)")
        zone = os.environ.get("OT_TIMEZONE") or cls.timezone
        if zone != cls.timezone and not _is_zone(zone):
            raise BadInput(f"OT_TIMEZONE={zone}: no such time zone; write it as in Europe/Berlin")
        return cls(
            observe=os.environ.get("OT_OBSERVE_AT") or cls.observe,
            refresh=os.environ.get("OT_REFRESH_AT") or cls.refresh,
            timezone=zone,
        )

    def conditions(self, nodes: dict[Key, Node]) -> dict[Key, dg.AutomationCondition]:
        """For every table, when it is refreshed: at the hour, if it or something that it reads is outdated."""
        datasets = _datasets(nodes)
        automation = dg.AutomationCondition
        at_the_hour = automation.cron_tick_passed(self.refresh, self.timezone)
        with_its_inputs = automation.any_deps_match(automation.will_be_requested())
        idle = ~automation.in_progress()
        return {
            key: at_the_hour & Adopted(datasets[key]) & (_outdated(node) | with_its_inputs) & idle
            for key, node in nodes.items()
        }

    def freshness(self, node: Node) -> dg.FreshnessPolicy | None:
        """Of datasets only."""
        if node.strategy.title != "dataset.release":
            return None
        return dg.FreshnessPolicy.time_window(fail_window=self.stale_after, warn_window=self.old_after)

    def schedule(self) -> dg.ScheduleDefinition:
        """The look at the sources, at its hour."""
        return dg.ScheduleDefinition(
            name=JOB,
            job_name=JOB,
            cron_schedule=self.observe,
            execution_timezone=self.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Before the nightly refresh: which source changed, which one is gone?",
        )

    def sensor(self) -> dg.AutomationConditionSensorDefinition:
        """What evaluates the conditions, and asks for one run of all that hangs on a change."""
        with warnings.catch_warnings():
            # Conditions of our own are evaluated where the code is; Dagster calls that beta.
            warnings.simplefilter("ignore", dg.BetaWarning)
            return dg.AutomationConditionSensorDefinition(
                SENSOR,
                target=dg.AssetSelection.all(),
                default_status=dg.DefaultSensorStatus.RUNNING,
                run_tags={REFRESH: self.refresh},
                use_user_code_server=True,
                description=f"Refreshes at '{self.refresh}' {self.timezone} what hangs on a change, in one run.",
            )


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_cron(text: str) -> bool:
    """A cron expression of five fields."""
    from dagster._utils.schedules import is_valid_cron_string

    return len(text.split()) == 5 and is_valid_cron_string(text)


def _outdated(node: Node) -> Outdated:
    dataset = asset_key((node.recipe.name, "dataset")) if node.recipe else None
    return Outdated(dataset, node.source.url if node.source else None)


def _datasets(nodes: dict[Key, Node]) -> dict[Key, tuple[dg.AssetKey, ...]]:
    """The datasets that hang on each table; its own for a dataset."""
    found: dict[Key, dict[dg.AssetKey, None]] = {key: {} for key in nodes}
    for node in nodes.values():
        if node.strategy.title == "dataset.release":
            for key in with_upstream([node.key], nodes):
                found[key][asset_key(node.key)] = None
    # What is made beside a dataset goes with it.
    for node in nodes.values():
        if node.recipe and not found[node.key]:
            found[node.key][asset_key((node.recipe.name, "dataset"))] = None
    return {key: tuple(datasets) for key, datasets in found.items()}
