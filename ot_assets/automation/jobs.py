"""Jobs: one a recipe, everything that its dataset hangs on; and the look at the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from ot_assets.automation.observe import JOB
from ot_assets.graph.keys import asset_key
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import plan

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

# Seconds for one look at all sources; files are read once for their hash.
_LOOK_WITHIN = 3 * 3600


def jobs(recipes: list[Recipe], look: dg.AssetChecksDefinition) -> list[Job]:
    """One job a recipe, named after it, and the one that looks at the sources."""
    observe = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks(look),
        description="Look at every source; nothing is made.",
        run_tags={"dagster/max_runtime": str(_LOOK_WITHIN)},
    )
    return [_recipe_job(recipe, look) for recipe in recipes] + [observe]


def _recipe_job(recipe: Recipe, look: dg.AssetChecksDefinition) -> Job:
    tables = dg.AssetSelection.assets(*(asset_key(node.key) for node in plan(recipe)))
    return dg.define_asset_job(
        recipe.name,
        # A run reads its sources anyway. Runs that select assets by hand, and the night's, take the look with them.
        selection=tables - dg.AssetSelection.checks(look),
        description=recipe.description or None,
    )
