"""What Dagster loads: recipes and studies, the project's and those of OT_RECIPES and OT_STUDIES, as OT_ENV says."""

from ot_assets.ablations.library import studies
from ot_assets.location import build
from ot_assets.recipes.library import recipes

found = recipes()
defs = build(found, studies=studies(found))
