"""A small study over the small recipe: answers come with the questions, so that only students cost time."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from tests.recipes.small import write_recipe

# Of the small recipe's 17 rows, with one wrong answer.
STUDY: dict[str, Any] = {
    "name": "small_study",
    "description": "Which of the small questions to keep.",
    "source": "own",
    "recipe": "small.yaml",
    "domain": "math",
    "stage": ["filter", "select"],
    "variants": {
        "everything": {"filter": {"use": "none", "reason": "the baseline"}, "select": "all"},
        "at_random": {"filter": {"use": "random", "keep": 14, "seed": 3}, "select": "all"},
        "only_wrong": {"filter": {"use": "none", "reason": "all"}, "select": {"use": "verdict", "keep": ["wrong"]}},
    },
    "cell": {"rows": 12},
    "student": {"preset": "micro", "epochs": 1, "batch": 4, "context": 128},
    "seeds": [0],
    "benchmarks": {
        "dev": [{"path": "asked.parquet", "id": "asked", "key": "id", "question": "q", "reference": "a"}],
        "held_out": [{"path": "kept.parquet", "id": "kept", "key": "id", "question": "q", "reference": "a"}],
    },
    "evaluation": {"max_tokens": 24, "repeats": {"asked": 2}},
    "standard_error": "questions",
}
ASKED, KEPT_BACK = 6, 3


def study() -> dict[str, Any]:
    """The study as a dictionary of its own, to be changed."""
    return copy.deepcopy(STUDY)


def write_study(folder: Path, body: dict[str, Any] | None = None, name: str = "small_study.yaml") -> Path:
    """The study's file, with the recipe and the benchmarks that it names beside it."""
    write_recipe(folder)
    for file, first, rows in (("asked", 30, ASKED), ("kept", 60, KEPT_BACK)):
        numbers = range(first, first + rows)
        table = {
            "id": [f"{file}-{n}" for n in numbers],
            "q": [f"What is {n} plus {n + 1}?" for n in numbers],
            "a": [str(2 * n + 1) for n in numbers],
        }
        pl.DataFrame(table).write_parquet(folder / f"{file}.parquet")
    path = folder / name
    path.write_text(yaml.safe_dump(body or STUDY, sort_keys=False))
    return path
