"""A recipe executed node by node, without Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ot_assets.graph.execute import Made, execute
from ot_assets.graph.tools import Tools
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_resources.environments import resources


def tools(run_id: str = "run", scale: float | None = None) -> Tools:
    """The resources of the environment, as a run gets them."""
    found: dict[str, Any] = resources()
    return Tools(
        store=found["store"],
        hub=found["hub"],
        models={"teacher": found["teacher"], "judge": found["judge"]},
        sandbox=found["sandbox"],
        embedder=found["embedder"],
        environment="local",
        scale=scale,
        run_id=run_id,
        students=found["students"],
        teachers=found["teachers"],
    )


def make(file: Path, upto: str | None = None, run_id: str = "run") -> dict[str, Made]:
    """Every table of a recipe, by name, in the order of the plan; `upto` is the last one made."""
    made: dict[str, Made] = {}
    for node in plan(load_recipe(file)):
        made[node.name] = execute(node, tools(run_id))
        if node.name == upto:
            break
    return made
