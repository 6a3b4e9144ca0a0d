"""Scoreboards of small studies: their rows and the comparison are real, the students' answers are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.model import SCORES, STUDENT, Study
from ot_assets.ablations.plan import plan_study
from ot_assets.contracts import SCORE
from ot_assets.graph.capabilities import identities
from ot_assets.graph.execute import execute
from ot_assets.graph.standing import scoreboard_node
from ot_assets.graph.tools import Tools
from ot_assets.lineage import record
from ot_assets.recipes.plan import Node
from ot_assets.strategies.running import as_split
from tests.graph.running import tools

QUESTIONS = 200


def write_study(folder: Path, body: dict[str, Any]) -> Path:
    """The file of a study on the recipe `small.yaml` beside it, asked of its benchmark."""
    given = {
        "recipe": "small.yaml",
        "domain": "math",
        "cell": {"rows": 10},
        "benchmarks": {"dev": [{"path": "asked.parquet", "id": "asked", "question": "problem", "reference": "gold"}]},
        "scale": {"local": 1},
    }
    table = {"problem": [f"What is {n} minus {n % 9}?" for n in range(12)], "gold": [str(n - n % 9) for n in range(12)]}
    pl.DataFrame(table).write_parquet(folder / "asked.parquet")
    file = folder / f"{body['name']}.yaml"
    file.write_text(yaml.safe_dump(given | body, sort_keys=False))
    return file


def scored(file: Path, right: dict[str, float]) -> Study:
    """The study with its scoreboard made: each variant that is `right` so often of all questions has scores.

    Variants of one plan are one table: in whichever study, they are right equally often.
    """
    study = load_study(file)
    plan = plan_study(study)
    with_tools = tools("scored")
    for name, share in right.items():
        for node in plan.nodes(name):
            if node.stage == STUDENT:
                _put(node, pl.DataFrame([{"seed": 0, "student": "one", "base": "none", "rows": 1}]), with_tools)
            elif node.stage == SCORES:
                _put(node, _answers(share), with_tools)
            else:
                execute(node, with_tools)
    execute(scoreboard_node(plan, with_tools), with_tools)
    return study


def _answers(share: float) -> pl.DataFrame:
    """Scores as if students had answered."""
    noise = pl.Series(range(QUESTIONS)).sample(QUESTIONS, shuffle=True, seed=round(1000 * share))
    return pl.DataFrame(
        {
            "seed": [0] * QUESTIONS,
            "student": ["one"] * QUESTIONS,
            "benchmark": ["asked"] * QUESTIONS,
            "held_out": [False] * QUESTIONS,
            "question_id": [str(n) for n in range(QUESTIONS)],
            "sample": [0] * QUESTIONS,
            "right": [float(n < share * QUESTIONS) for n in noise],
            "n": [1] * QUESTIONS,
            "completion_tokens": [10] * QUESTIONS,
        },
        schema=SCORE,
    )


def _put(node: Node, rows: pl.DataFrame, with_tools: Tools) -> None:
    """The rows in the store, as what the node makes of what it reads."""
    inputs = [(key, version) for key in node.upstream if (version := with_tools.store.latest(key))]
    params = node.scaled("local", None) | identities(node, with_tools)
    before = inputs[0][1].record
    with with_tools.store.draft(node.kind) as draft:
        draft.write(*as_split(rows.lazy()))
        draft.seal(record.identity(node, params, inputs, None))
        counts = {"rows_in": rows.height, "rows_out": rows.height, "rows_dropped": 0, "dropped": {}, "checks": []}
        told = {field: before[field] for field in ("sources", "models")} | counts
        told["inputs"] = [{"kind": version.kind, "version": version.version} for _, version in inputs]
        told["trail"] = record.trail(node, params, inputs)
        version = draft.commit({**told, "choice": record.choice(node, params)})
    with_tools.store.point(node.key, version, with_tools.run_id)
