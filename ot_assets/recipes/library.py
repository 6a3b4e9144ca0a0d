"""The recipes that are there: those beside this file, and those of the folder OT_RECIPES."""

from __future__ import annotations

from pathlib import Path

from ot_assets.recipes.finding import name_in, recipe_files
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.model import Recipe
from ot_resources.interfaces import BadInput


def recipes() -> list[Recipe]:
    """All recipes, by name. BadInput when a folder cannot be read or two recipes share a name.

    A source that has vanished does not keep the others from being loaded.
    """
    found: dict[str, Recipe] = {}
    loaded: dict[Path, Recipe] = {}
    for file in recipe_files():
        recipe = load_recipe(file, look=False, loaded=loaded)
        if recipe.name in found:
            raise BadInput(f"{file}: name: '{recipe.name}' is also the name of {found[recipe.name].file}; rename one")
        found[recipe.name] = recipe
    return [found[name] for name in sorted(found)]


def find_recipe(name: str) -> Recipe:
    """A recipe by its name, or by the path of its file."""
    if Path(name).suffix in (".yaml", ".yml"):
        return load_recipe(name)
    names = {}
    for file in recipe_files():
        names[name_in(file)] = file
    if name not in names:
        raise BadInput(f"no recipe '{name}'; there is: {', '.join(sorted(names))}, or a path to a .yaml file")
    return load_recipe(names[name])
