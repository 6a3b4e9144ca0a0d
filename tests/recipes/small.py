"""A small recipe over generated files, to be run as it is or changed in one place."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import polars as pl
import yaml

LEAK = "A train leaves Aville at nine and reaches Beetown, ninety miles on, at noon: how fast is it?"
TWICE = "How many edges does a cube have?"

RECIPE: dict[str, Any] = {
    "name": "small",
    "description": "Twenty questions with their answers.",
    "format": "think",
    "tracks": {
        "math": [
            {
                "sources": [
                    {
                        "use": "files",
                        "id": "made",
                        "path": "questions.parquet",
                        "key": "id",
                        "question": "problem",
                        "reference": "gold",
                        "imported": {"answer": "reply"},
                    }
                ]
            },
            {
                "decontaminate": {
                    "use": "indel",
                    "threshold": 90,
                    "against": [{"path": "benchmark.jsonl", "question": "q", "id": "bench"}],
                }
            },
            {"dedup": "exact"},
            {"answers": "imported"},
            {"verify": "math"},
            {"select": "all"},
        ]
    },
    "dataset": {"rows": "all"},
}

# What `write_inputs` makes of it: 20 rows, one without a question, one leak, one duplicate, one wrong answer.
KEPT = 17
RIGHT = 16


def write_inputs(folder: Path) -> None:
    """questions.parquet and benchmark.jsonl beside a recipe."""
    problems = [f"What is {n} times {n + 7}, plus {n % 3}?" for n in range(15)]
    problems += [TWICE, TWICE, LEAK, "  ", "What is two and two?"]
    gold = [str(n * (n + 7) + n % 3) for n in range(15)] + ["12", "12", "30", "0", "4"]
    said = [*gold[:-1], "5"]
    table = {
        "id": [f"id-{n}" for n in range(20)],
        "problem": problems,
        "gold": gold,
        "reply": [f"<think>I count to {text}.</think>It is \\boxed{{{text}}}." for text in said],
        "level": [n % 2 for n in range(20)],
    }
    pl.DataFrame(table).write_parquet(folder / "questions.parquet")
    pl.DataFrame({"q": [LEAK, "Who wrote this?"]}).write_ndjson(folder / "benchmark.jsonl")


def recipe() -> dict[str, Any]:
    """The recipe as a dictionary of its own, to be changed."""
    return copy.deepcopy(RECIPE)


def write_recipe(folder: Path, body: dict[str, Any] | None = None, name: str = "small.yaml") -> Path:
    """The recipe's file, with the tables that it reads beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "questions.parquet").exists():
        write_inputs(folder)
    file = folder / name
    file.write_text(yaml.safe_dump(body or RECIPE, sort_keys=False))
    return file


def math(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages of the only track."""
    return body["tracks"]["math"]
