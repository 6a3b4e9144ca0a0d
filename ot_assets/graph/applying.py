"""Run a node's strategy on its inputs, into a draft, and keep account of what it asked and of what ran its programs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from ot_assets.graph import frames, verdicts
from ot_assets.graph.capabilities import lend
from ot_assets.graph.tools import Tools
from ot_assets.graph.watching import watched
from ot_assets.recipes.plan import Key, Node
from ot_assets.strategies import running
from ot_assets.strategies.registry import Split
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.usage import Usage
from ot_resources.store import Draft, Version
from ot_resources.verdicts import Verdicts

# As many as the answers or the questions call for.
_REQUESTS_UNKNOWN = ("answers.until_accepted", "dedup.semantic_judge", "decontaminate.semantic")


@dataclass(frozen=True)
class Work:
    """What was done for a table: the calls of models, by model and in all, and the sandboxes that ran programs."""

    usage: Usage = field(default_factory=Usage)
    asked: list[dict[str, Any]] = field(default_factory=list)
    sandboxes: list[str] = field(default_factory=list)


def apply(node: Node, tools: Tools, inputs: list[tuple[Key, Version]], params: dict[str, Any], draft: Draft) -> Work:
    """Write what the strategy makes of the inputs into the draft, as it comes."""
    versions = dict(inputs)
    rows = sum(versions[key].rows for key in node.inputs)
    with ExitStack() as stack:
        lent, generators = lend(node, tools, inputs, stack)
        for generator in generators:
            generator.expected = _expected(node, rows, params)
        run = partial(node.strategy.function, **params, **frames.tables(node, versions), **lent)
        if node.strategy.title in verdicts.KINDS:
            stored = stack.enter_context(Verdicts(tools.store.path / "verdicts.sqlite"))
            result = verdicts.judged_once(node, params, frames.rows(node, versions), run, stored)
        else:
            result = run(frames.rows(node, versions))
        if isinstance(result, Generator):  # whatever happens, it stops asking
            stack.callback(result.close)
        if node.stage == "verify" and not isinstance(result, pl.LazyFrame | Split):
            result = watched(node.name, rows, result)
        _write(result, draft)
        usage = Usage()
        for generator in generators:
            usage.add(generator.usage)
        asked = _asked(node, tools, generators, lent, usage)
        sandboxes = [lent[name] for name, kind in node.strategy.capabilities.items() if kind == "sandbox"]
        return Work(usage, asked, [f"{sandbox.name}: {sandbox.confinement}" for sandbox in sandboxes])


def _asked(
    node: Node, tools: Tools, generators: list[LedgeredGenerator], capabilities: dict[str, Any], usage: Usage
) -> list[dict[str, Any]]:
    """What the stage got of each model that it asked, students included; their account is added to the stage's."""
    roles = [name for name, kind in node.strategy.capabilities.items() if kind == "generator"]
    told = [
        {"role": role, "model": tools.model(node, role).identity} | generator.usage.cost()
        for role, generator in zip(roles, generators, strict=True)
    ]
    for name, kind in node.strategy.capabilities.items():
        if kind == "students":
            for generator in capabilities[name].generators:
                usage.add(generator.usage)
                told.append({"role": name, "model": generator.model} | generator.usage.cost())
    where = {"stage": node.stage, "strategy": node.strategy.title}
    return [where | one for one in told]


def _expected(node: Node, rows: int, params: dict[str, Any]) -> int | None:
    """How many requests there will be; None where that hangs on the answers, or on which questions are alike."""
    return None if node.strategy.title in _REQUESTS_UNKNOWN else rows * int(params.get("samples", 1))


def _write(result: Any, draft: Draft) -> None:
    if isinstance(result, pl.LazyFrame | Split):
        draft.write(*running.as_split(result))
    else:
        draft.write_all(running.as_split(piece) for piece in result)
