"""Jobs: one a recipe, everything that its dataset hangs on."""

from __future__ import annotations

import dagster as dg

from ot_assets.graph.keys import asset_key
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import plan


def jobs(
    recipes: list[Recipe],
) -> list[dg.JobDefinition | dg.unresolved_asset_job_definition.UnresolvedAssetJobDefinition]:  # type: ignore[name-defined]
    """One job a recipe, named after it."""
    return [
        dg.define_asset_job(
            recipe.name,
            selection=[asset_key(node.key) for node in plan(recipe)],
            description=recipe.description or None,
        )
        for recipe in recipes
    ]
