"""`ot plan STUDY`: what of each variant is there, what is to be made, and what models would be asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ot_assets.ablations.library import find_study
from ot_assets.ablations.model import CELL
from ot_assets.ablations.plan import StudyPlan, plan_study
from ot_assets.cli.costs import Rates
from ot_assets.cli.plan import Plan, checked_size, planning_tools, rehearsed
from ot_assets.cli.plan_told import as_json, as_text
from ot_assets.cli.query import table
from ot_assets.cli.study import wanted_variants
from ot_assets.graph.execute import standing
from ot_assets.graph.rehearsal.ranges import ZERO
from ot_assets.graph.tools import Tools
from ot_assets.recipes.plan import Node
from ot_resources.interfaces import BadInput


@dataclass(frozen=True)
class StudyRun:
    """The study's plan: of each variant the tables that are there and those to make, and what asks a model.

    `refused` are variants that cannot be run as things are, with the reason.
    """

    plan: StudyPlan
    stages: dict[str, tuple[list[str], list[str]]]
    asked: Plan
    refused: dict[str, str]


def plan_of_study(name: str, only: tuple[str, ...], scale: float | None, budget: str | None, rates: Rates) -> StudyRun:
    """Rehearse a study, or some of its variants, up to the cells; no student is trained or asked."""
    spend = checked_size(scale, budget)
    study = find_study(name)
    plan, tools = plan_study(study), planning_tools(scale)
    variants = wanted_variants(study, only)
    refused = {variant: why for variant in variants if (why := _refused(plan.variants[variant], tools))}
    nodes = {node.key: node for variant in variants if variant not in refused for node in plan.nodes(variant)}
    asked = rehearsed(study.derived, tuple(nodes.values()), tools, spend, rates)
    stages = {variant: _stages(plan.nodes(variant), tools) for variant in variants if variant not in refused}
    return StudyRun(plan, stages, asked, refused)


def _refused(nodes: tuple[Node, ...], tools: Tools) -> str | None:
    """Why a variant cannot be run: nobody goes by the name of its teacher."""
    try:
        for node in nodes:
            if node.teacher:
                tools.model(node, "teacher")
    except BadInput as error:
        return str(error)
    return None


def _stages(nodes: tuple[Node, ...], tools: Tools) -> tuple[list[str], list[str]]:
    """The tables of a variant that are there as its plan has them, and the others."""
    there: set[tuple[str, ...]] = set()
    for node in nodes:
        if node.source:
            made = tools.store.latest(node.key) is not None
        elif made := all(key in there for key in node.upstream):
            made = standing(node, tools) is not None
        if made:
            there.add(node.key)
    told = [node for node in nodes if not node.source]
    return [_name(n) for n in told if n.key in there], [_name(n) for n in told if n.key not in there]


def _name(node: Node) -> str:
    return node.key[-1]


def study_text(run: StudyRun) -> str:
    """The plan of a study for a person: a line a variant, then what models are asked."""
    rows = [
        {
            "variant": variant,
            "reused": ", ".join(made) or "-",
            "to make": ", ".join(missing) or "-",
            "requests new": f"{_new(run, variant):,.0f}",
            "students": "-" if "student" not in missing else str(len(run.plan.study.seeds)),
        }
        for variant, (made, missing) in run.stages.items()
    ]
    lines = [f"* {variant} cannot run: {why}" for variant, why in run.refused.items()]
    students = (
        f"* what students are asked is not counted: it is free here, and known when they are there (after {CELL})"
    )
    return "\n".join([table(rows, empty="no variant can run"), as_text(run.asked), *lines, students])


def _new(run: StudyRun, variant: str) -> float:
    return sum((asking.new for asking, _ in run.asked.stages if asking.node.track == variant), ZERO).estimate


def study_json(run: StudyRun) -> dict[str, Any]:
    """The plan of a study with all its figures."""
    told = as_json(run.asked)
    variants = {
        variant: {"reused": made, "to_make": missing, "requests_new": _new(run, variant)}
        for variant, (made, missing) in run.stages.items()
    }
    return {"study": told.pop("recipe"), "variants": variants, "refused": run.refused} | told
