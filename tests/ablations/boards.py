"""Scoreboards of small studies: their rows and the comparison are real, the students' answers are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ot_assets.ablations.loading import load_study
from ot_assets.ablations.model import CELL, SCORES, Study
from ot_assets.ablations.plan import StudyPlan, plan_study
from ot_assets.contracts import SCORE
from ot_assets.graph.execute import Tools, execute
from ot_assets.strategies.running import as_split
from ot_resources.store import Version
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
    """The study with its scoreboard made: each variant that is `right` so often of all questions has scores."""
    study = load_study(file)
    plan = plan_study(study)
    with_tools = tools("scored")
    standing: dict[str, dict[str, Any]] = {name: {"verdict": "failed", "reason": "no scores"} for name in plan.variants}
    for place, (name, share) in enumerate(right.items()):
        made = [execute(node, with_tools) for node in plan.nodes(name) if node.stage not in ("student", SCORES)]
        cell = next(one.version for one in made if one.node.stage == CELL)
        _score(plan, name, share, place, cell, with_tools)
        standing[name] = {"rows": cell.rows, "tokens": 100 * (place + 1), "verdict": None, "reason": None}
    inputs = tuple((study.name, name, SCORES) for name in right)
    board = replace(plan.scoreboard, inputs=inputs, params=plan.scoreboard.params | {"standing": standing})
    execute(board, with_tools)
    return study


def _score(plan: StudyPlan, name: str, share: float, seed: int, cell: Version, with_tools: Tools) -> None:
    """A table of scores in the store, as if the students of the cell had answered."""
    noise = pl.Series(range(QUESTIONS)).sample(QUESTIONS, shuffle=True, seed=seed + 1)
    rows = pl.DataFrame(
        {
            "seed": [0] * QUESTIONS,
            "student": [name] * QUESTIONS,
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
    node = plan.variants[name][-1]
    with with_tools.store.draft(node.kind) as draft:
        draft.write(*as_split(rows.lazy()))
        draft.seal({"study": plan.study.name, "variant": name, "share": share, "cell": cell.version})
        kept = {field: cell.record[field] for field in ("trail", "sources", "models")}
        counts = {"rows_in": QUESTIONS, "rows_out": QUESTIONS, "rows_dropped": 0, "dropped": {}, "inputs": []}
        version = draft.commit({**kept, **counts, "choice": cell.record["choice"], "checks": []})
    with_tools.store.point(node.key, version, with_tools.run_id)
