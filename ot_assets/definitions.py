"""What Dagster loads: every recipe of the project and of OT_RECIPES, in the environment OT_ENV."""

from ot_assets.location import build
from ot_assets.recipes.library import recipes

defs = build(recipes())
