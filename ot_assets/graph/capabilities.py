"""What a strategy is lent of the outside world, whose programs it then runs, and by which names it bears identity."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import polars as pl

from ot_assets.graph.tools import Tools
from ot_assets.lineage import record as lineage
from ot_assets.recipes.plan import Key, Node
from ot_assets.similarity.words import Words
from ot_resources.generators.budget import Budget
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.hub import Hub
from ot_resources.interfaces import Tokenizer
from ot_resources.store import Version


def lend(
    node: Node, tools: Tools, inputs: list[tuple[Key, Version]], stack: ExitStack
) -> tuple[dict[str, Any], list[LedgeredGenerator]]:
    """What the strategy's parameters of a Protocol's type are given, and the generators among it, until `stack` ends.

    BadInput: there is none of a kind, or the sandbox is too weak for the programs that it would run.
    """
    arguments: dict[str, Any] = {}
    generators: list[LedgeredGenerator] = []
    for name, kind in node.strategy.capabilities.items():
        if kind == "generator":
            generators.append(tools.model(node, name).generator(tools.run_id, node.name, _budget(node, tools)))
            stack.callback(generators[-1].ledger.close)
            arguments[name] = generators[-1]
        elif kind == "sandbox":
            arguments[name] = stack.enter_context(tools.sandbox.open(foreign_writer(node, tools, inputs)))
        elif kind == "tokenizer":
            arguments[name] = tokenizer(tools.hub)
        elif kind == "students":
            arguments[name] = tools.students.students(tools.run_id, node.name, _budget(node, tools))
        else:
            arguments[name] = tools.embedder
    return arguments, generators


def identities(node: Node, tools: Tools) -> dict[str, str]:
    """The capabilities that bear identity, by name. Which sandbox ran a program does not change its verdict."""
    names: dict[str, str] = {}
    for name, kind in node.strategy.capabilities.items():
        if kind == "generator":
            names[name] = tools.model(node, name).identity
        elif kind == "tokenizer":
            names[name] = tools.hub.tokenizer
        elif kind == "students":
            names[name] = _students(node, tools)
        elif kind == "embedder":
            names[name] = tools.embedder.model
    return names


def models(node: Node, tools: Tools, params: dict[str, Any], inputs: list[tuple[Key, Version]]) -> list[dict[str, Any]]:
    """All models that had a part in the table, those of its inputs first; each with its role, stage and parameters."""
    own = [
        {"role": name, "model": model, "stage": node.stage, "params": params}
        for name, kind in node.strategy.capabilities.items()
        if kind in ("generator", "students")
        for model in [_students(node, tools) if kind == "students" else tools.model(node, name).identity]
    ]
    return lineage.upstream("models", inputs) + own


def _students(node: Node, tools: Tools) -> str:
    """Who trains the students, or asks them."""
    if node.stage != "student":
        return str(tools.students.asked_by)
    return str(tools.students.trained_by(*(node.params[name] for name in ("base", "revision", "lora"))))


def tokenizer(hub: Hub) -> Tokenizer:
    """What n-grams are counted in."""
    return hub.open_tokenizer() or Words()


def _budget(node: Node, tools: Tools) -> Budget:
    """What the stage's run may spend: the smaller of the recipe's caps and the run's own."""
    return node.recipe.budget.smaller(tools.budget) if node.recipe else tools.budget


def foreign_writer(node: Node, tools: Tools, inputs: list[tuple[Key, Version]]) -> str:
    """Whose programs the node may run that the embedded models did not write; empty where they wrote all."""
    if node.stage == "scores":
        return _foreign_student(node, dict(inputs))
    if node.params.get("verify", "code") != "code":
        return ""  # it judges other answers, and runs nothing
    answered = [model for model in lineage.upstream("models", inputs) if model["stage"] == "answers"]
    writers = [model["model"] for model in (*answered, *models(node, tools, {}, []))]
    found = [f"of {writer}" for writer in writers if not writer.startswith("embedded:")]
    # What a stand-in holds is the project's own.
    real = any(not source["stand_in"] for source in lineage.upstream("sources", inputs))
    if real and lineage.uses("answers", "imported", inputs):
        found.append("imported")
    return found[0] if found else ""


def _foreign_student(node: Node, versions: dict[Key, Version]) -> str:
    """The base of a student that is not the embedded one, where a benchmark has programs run."""
    tests = pl.col("tests").str.strip_chars().fill_null("") != ""
    tables = [versions[key].scan().filter(tests).select("source") for key in node.tables["benchmarks"]]
    tested = {*node.params["adapters"], *pl.concat(tables).collect(engine="streaming")["source"]}
    if all(node.params["verify"].get(benchmark, "auto") not in ("auto", "code") for benchmark in tested):
        return ""
    bases = pl.concat([versions[key].scan().select("base") for key in node.inputs]).collect()["base"]
    return next((f"of {base}" for base in sorted(bases) if not base.startswith("embedded:")), "")
