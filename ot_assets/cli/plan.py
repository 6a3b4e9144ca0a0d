"""`ot plan`: what a run would ask of models, and what that would cost, before it asks anything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ot_assets.cli.costs import Cost, Rates, cost_of, speeds_of, summed, summed_known
from ot_assets.cli.run import selected
from ot_assets.graph.rehearsal.ranges import Range
from ot_assets.graph.rehearsal.rehearse import Asking, rehearse
from ot_assets.graph.tools import Tools
from ot_assets.recipes.library import find_recipe
from ot_assets.recipes.model import Recipe
from ot_assets.recipes.plan import Node
from ot_resources.environments import checked_scale, default_budget, resources
from ot_resources.generators.budget import Budget


@dataclass(frozen=True)
class Plan:
    """All stages of a recipe that ask a model, with what each will spend."""

    recipe: Recipe
    stages: list[tuple[Asking, Cost]]
    budget: Budget

    @property
    def read(self) -> Range:
        return summed([asking.read for asking, _ in self.stages])

    @property
    def written(self) -> Range:
        return summed([asking.written for asking, _ in self.stages])

    @property
    def total(self) -> Cost:
        costs = [cost for asking, cost in self.stages if asking.new.high]
        return Cost(
            summed_known([cost.seconds for cost in costs]),
            summed_known([cost.gpu_hours for cost in costs]),
            summed_known([cost.money for cost in costs]),
        )


def plan_recipe(
    name: str, track: str | None, upto: str | None, scale: float | None, budget: str | None, rates: Rates
) -> Plan:
    """Rehearse a recipe, or a part of it, in a scratch folder. BadInput: it cannot be run, or would end before it
    asks anything."""
    spend = checked_size(scale, budget)
    recipe = find_recipe(name)
    nodes = selected(recipe, track, upto)
    return rehearsed(recipe, nodes, planning_tools(scale), spend, rates)


def checked_size(scale: float | None, budget: str | None) -> Budget:
    """What the run may spend; BadInput where scale or budget cannot be."""
    if scale is not None:
        checked_scale(scale, f"--scale {scale}")
    return Budget.parse(default_budget(), "OT_BUDGET") if budget is None else Budget.parse(budget, f"--budget {budget}")


def planning_tools(scale: float | None) -> Tools:
    """The environment's resources for a run that makes nothing."""
    found: dict[str, Any] = resources()
    sizing = found["sizing"]
    return Tools(
        store=found["store"],
        hub=found["hub"],
        models={role: found[role] for role in ("teacher", "judge")},
        sandbox=found["sandbox"],
        embedder=found["embedder"],
        environment=sizing.environment,
        scale=scale or sizing.scale or None,
        run_id="rehearsal",
        students=found["students"],
        teachers=found["teachers"],
    )


def rehearsed(recipe: Recipe, nodes: Sequence[Node], tools: Tools, spend: Budget, rates: Rates) -> Plan:
    """What a run of the nodes would ask, with what that costs."""
    with (
        tempfile.TemporaryDirectory(prefix="ot-plan-") as scratch,
        Console(stderr=True).status("rehearsing") as status,
    ):
        asked = rehearse(nodes, tools, Path(scratch), lambda node: status.update(f"rehearsing {node}"))
    speeds = speeds_of(Path(tools.models["teacher"].ledger))
    stages = [(asking, cost_of(asking, tools.model(asking.node, asking.role), rates, speeds)) for asking in asked]
    return Plan(recipe, stages, recipe.budget.smaller(spend))
