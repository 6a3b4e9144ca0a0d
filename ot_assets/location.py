"""A Dagster code location of some recipes: their assets, jobs and nights, and the environment's resources."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ot_assets.automation.jobs import jobs
from ot_assets.automation.night import Night
from ot_assets.automation.observe import observation
from ot_assets.graph.assets import stage_asset
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import plan_all
from ot_resources.environments import resources
from ot_resources.event_log import flush_at_checkpoints


def build(recipes: list[Recipe], instead: dict[str, Any] | None = None) -> dg.Definitions:
    """The definitions of some recipes; `instead` replaces resources by name."""
    flush_at_checkpoints()
    nodes, night = plan_all(recipes), Night.from_environment()
    conditions = night.conditions(nodes)
    look = observation([node for node in nodes.values() if node.source])
    return dg.Definitions(
        assets=[stage_asset(node, conditions[key], night.freshness(node)) for key, node in nodes.items()],
        asset_checks=[look],
        jobs=jobs(recipes, look),
        schedules=[night.schedule()],
        sensors=[night.sensor()],
        resources=resources() | (instead or {}),
        # One process a run: a model is loaded once, and a hundred small stages take seconds, not minutes.
        executor=dg.in_process_executor,
    )
