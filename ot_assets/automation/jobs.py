"""Jobs: one a recipe, everything that its dataset hangs on; all recipes at once; and the look at the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from ot_assets.automation.observe import JOB
from ot_assets.graph.keys import asset_key
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Key, plan

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

ALL_RECIPES = "all_recipes"
# Seconds for one look at all sources; files are read once for their hash.
_LOOK_WITHIN = 3 * 3600


def jobs(recipes: list[Recipe], look: dg.AssetChecksDefinition) -> list[Job]:
    """One job a recipe, named after it, one of all recipes, and the one that looks at the sources."""
    observe = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks(look),
        description="Look at every source; nothing is made.",
        run_tags={"dagster/max_runtime": str(_LOOK_WITHIN)},
    )
    made = {recipe.name: [node.key for node in plan(recipe)] for recipe in recipes}
    every = list(dict.fromkeys(key for keys in made.values() for key in keys))
    return [
        *(_job(recipe.name, made[recipe.name], recipe.description, look) for recipe in recipes),
        _job(ALL_RECIPES, every, f"Every recipe: {', '.join(made)}.", look),
        observe,
    ]


def _job(name: str, tables: list[Key], description: str, look: dg.AssetChecksDefinition) -> Job:
    return dg.define_asset_job(
        name,
        # A run reads its sources anyway. Runs that select assets by hand, and the night's, take the look with them.
        selection=dg.AssetSelection.assets(*map(asset_key, tables)) - dg.AssetSelection.checks(look),
        description=description or None,
    )
