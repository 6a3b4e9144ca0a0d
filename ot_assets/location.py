"""A Dagster code location of some recipes: their assets, jobs and nights, and the environment's resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from ot_assets.ablations.model import Study
from ot_assets.ablations.plan import plan_study
from ot_assets.automation.jobs import jobs
from ot_assets.automation.night import Night
from ot_assets.automation.observe import observation
from ot_assets.graph.assets import stage_asset
from ot_assets.graph.studies import study_assets
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node, plan_all, share
from ot_resources.environments import resources
from ot_resources.event_log import flush_at_checkpoints


def build(
    recipes: list[Recipe], instead: dict[str, Any] | None = None, studies: Sequence[Study] = ()
) -> dg.Definitions:
    """The definitions of some recipes and studies; `instead` replaces resources by name."""
    flush_at_checkpoints()
    planned: dict[str, tuple[Node, ...]] = {}
    nodes, night = plan_all(recipes, planned), Night.from_environment()
    refreshed = [node for node in nodes.values() if node.source]
    of_recipes = set(nodes)
    studied = [plan_study(study, planned) for study in studies]
    for plan in studied:
        for node in plan.base:
            share(nodes, node)
    conditions = night.conditions(nodes)
    # The night refreshes recipes. What only studies read is looked at by whoever runs them.
    look = observation(refreshed or [node for node in nodes.values() if node.source])
    return dg.Definitions(
        assets=[
            *(
                # What no recipe reads is apart: many of the candidates that were studied have no stand-in.
                stage_asset(
                    node,
                    conditions[key],
                    night.freshness(node),
                    within="" if key in of_recipes or node.recipe else "studies/",
                )
                for key, node in nodes.items()
            ),
            *(asset for plan in studied for asset in study_assets(plan)),
        ],
        asset_checks=[look],
        jobs=jobs(recipes, look),
        schedules=[night.schedule()],
        sensors=[night.sensor()],
        resources=resources() | (instead or {}),
        # One process a run: a model is loaded once, and a hundred small stages take seconds, not minutes.
        executor=dg.in_process_executor,
    )
