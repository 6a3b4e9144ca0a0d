"""How the variants of a study stand when its scoreboard is made: which have scores, what their rows were and cost, and
why the others have none."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from ot_assets.ablations.model import CELL, SCORES
from ot_assets.ablations.plan import StudyPlan, steps
from ot_assets.graph import failures
from ot_assets.graph.asked import spent
from ot_assets.graph.execute import standing
from ot_assets.graph.outside import outside
from ot_assets.graph.tools import Tools
from ot_assets.recipes.plan import Key, Node
from ot_assets.strategies.scoreboard.verdict import FAILED, NOT_ENOUGH, NOT_MADE
from ot_resources.digest import canonical_json
from ot_resources.interfaces import BadInput
from ot_resources.store import Version


@dataclass(frozen=True)
class _Chain:
    """A variant's tables that are as its plan would make them, up to the first that is not; `reason` says why."""

    made: dict[str, Version]
    verdict: str | None = None
    reason: str | None = None


def scoreboard_node(plan: StudyPlan, tools: Tools, strict: bool = False) -> Node:
    """The scoreboard of those variants that have scores, told how all of them stand.

    `strict`: what they share must be what would be read now, at this size; else what is in use stays so.
    """
    shared: dict[Key, Version | None] = {node.key: _in_use(node, tools, strict) for node in plan.base}
    chains = {name: _chain(plan, name, shared, tools) for name in plan.variants}
    inputs = tuple(nodes[-1].key for name, nodes in plan.variants.items() if SCORES in chains[name].made)
    seeds = len(set(plan.study.seeds))
    told = {name: _told(chain, tools, plan.variants[name]) | {"seeds": seeds} for name, chain in chains.items()}
    return replace(plan.scoreboard, inputs=inputs, params=plan.scoreboard.params | {"standing": told})


def _in_use(node: Node, tools: Tools, strict: bool) -> Version | None:
    """The version in use of a table that variants share, unless the recipe makes another choice there by now, or reads
    something else.

    It may lack answers, and whoever gave them need not be who would be asked now: a study goes on from what there is.
    Where it is `strict`, a source that has changed since, and counts of another size, are something else too.
    """
    made = tools.store.made(tools.run_id, node.key)
    if made is None or not _same_choice(node, tools, made, strict):
        return None
    read = [tools.store.made(tools.run_id, key) for key in node.upstream]
    if [{"kind": v.kind, "version": v.version} for v in read if v] != made.record["inputs"]:
        return None
    if node.source is None or not strict:
        return made
    try:
        raw = outside(node, tools.hub, made)
    except BadInput:  # it cannot be read: what is there stays in use
        return made
    return made if raw and raw.revision == made.record["sources"][0]["revision"] else None


def _same_choice(node: Node, tools: Tools, made: Version, strict: bool) -> bool:
    choice = made.record["choice"]
    if (choice["strategy"], choice["strategy_version"]) != (node.use, node.strategy.version):
        return False
    if node.source:
        params = node.source.params(made.record["sources"][0]["stand_in"])
    elif strict:
        params = node.scaled(tools.environment, tools.scale)
    else:
        params = {name: value for name, value in node.params.items() if name not in node.strategy.scaled}
    now = json.loads(canonical_json(params))
    return all(choice["params"].get(name) == value for name, value in now.items() if name != "reason")


def _chain(plan: StudyPlan, variant: str, shared: dict[Key, Version | None], tools: Tools) -> _Chain:
    made: dict[str, Version] = {}
    own = steps(plan.variants[variant])
    for node in plan.nodes(variant):
        step = next((nodes for nodes in own.values() if node in nodes), None)
        try:
            version = standing(node, tools) if step else shared[node.key]
        except BadInput as error:  # a table is not there, or no teacher goes by that name
            return _Chain(made, *_why(node, step, tools, str(error)))
        if version is None:
            there = tools.store.latest(node.key) is not None
            otherwise = "made from another plan or in part; run it again" if there else "not made yet"
            return _Chain(made, *_why(node, step, tools, otherwise))
        made[node.stage] = version
    return _Chain(made)


def _why(node: Node, step: list[Node] | None, tools: Tools, otherwise: str) -> tuple[str, str]:
    """The verdict and the reason; `step` are the tables that are made at once, which is where a failure is noted."""
    told = failures.last(tools.store, step[-1]) if step else None
    if told is None:
        return NOT_MADE, f"{node.key[-1] if step else node.name}: {otherwise}"
    return NOT_ENOUGH if told["check"] == "cell_filled" else FAILED, told["message"]


def _told(chain: _Chain, tools: Tools, nodes: tuple[Node, ...]) -> dict[str, Any]:
    cell = chain.made.get(CELL)
    told: dict[str, Any] = {"rows": None, "tokens": None, "money": None}
    if cell is not None:
        told = {"rows": cell.rows, "tokens": _tokens(cell), "money": _money(cell)}
    if SCORES in chain.made:
        told["asked"] = _asked(chain.made[SCORES])
    return told | {"verdict": chain.verdict, "reason": chain.reason}


def _asked(scores: Version) -> dict[str, int]:
    """How many questions of each benchmark were put to the students, whatever came of them."""
    verifiable = scores.dropped().filter(pl.col("drop_reason") != "not_verifiable")
    rows = pl.concat([half.select("benchmark", "question_id") for half in (scores.scan(), verifiable)])
    counts = rows.drop_nulls("question_id").group_by("benchmark").agg(pl.col("question_id").n_unique())
    return dict(sorted(counts.collect(engine="streaming").iter_rows()))


def _tokens(cell: Version) -> int | None:
    """What the teacher wrote; None where a row does not tell."""
    rows = cell.scan()
    if "completion_tokens" not in rows.collect_schema():
        return None
    column = pl.col("completion_tokens")
    unknown, total = rows.select(column.is_null().sum(), column.sum().alias("total")).collect(engine="streaming").row(0)
    return None if unknown else int(total)


def _money(cell: Version) -> float | None:
    """The cell's share of what all rows that it was cut from cost; None where that is not known, or had no price."""
    total = spent([((CELL,), cell)])
    rows = cell.rows + cell.rows_dropped
    return round(total * cell.rows / rows, 6) if total and rows else None
