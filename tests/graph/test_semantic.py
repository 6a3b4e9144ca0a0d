"""Stages that compare meanings and ask the embedded judge, in a recipe: what they ask is kept, counted and capped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ot_assets.graph.checks import Check
from ot_assets.graph.execute import Made
from ot_resources.embedder import packaged_minilm
from tests.conftest import require
from tests.graph.running import make
from tests.recipes.small import LEAK, TWICE, math, recipe, write_recipe

pytestmark = pytest.mark.usefixtures("data_root", "teacher")

CLEAN, UNIQUE = "small/math/decontaminated", "small/math/deduplicated"


@pytest.fixture(autouse=True)
def minilm() -> None:
    require("minilm", packaged_minilm() is not None, "install the extra 'local'")


AGAINST = [{"path": "benchmark.jsonl", "question": "q", "id": "bench"}]


def decontaminated(folder: Path, **more: Any) -> Path:
    """A recipe that asks about benchmark questions that are hardly alike."""
    body = recipe() | more
    math(body)[1] = {"decontaminate": {"use": "semantic", "threshold": 0.05, "against": AGAINST}}
    return write_recipe(folder, body)


def deduplicated(folder: Path, top_k: int = 2, **more: Any) -> Path:
    body = recipe() | more
    math(body)[2] = {"dedup": {"use": "semantic_judge", "threshold": 0.5, "top_k": top_k}}
    return write_recipe(folder, body)


def answered(made: Made) -> Check:
    return next(check for check in made.checks if check.name == "all_answered")


@pytest.mark.parametrize(
    ("written", "name", "text", "times"), [(decontaminated, CLEAN, LEAK, 0), (deduplicated, UNIQUE, TWICE, 1)]
)
def test_what_is_asked_is_counted(tmp_path, written, name, text, times):
    made = make(written(tmp_path), upto=name)[name]
    assert made.usage.requested == made.usage.answered > 0
    assert answered(made).passed
    assert made.version.record["rows_in"] == made.version.rows + made.version.record["rows_dropped"]
    # what has the very words of a benchmark question, or of an earlier one, goes without the judge
    assert made.version.scan().collect()["question"].to_list().count(text) == times


def test_a_finished_dataset_is_not_asked_about_again(tmp_path):
    made = make(decontaminated(tmp_path))
    dataset = made["small/dataset"]
    assert dataset.version.rows == made["small/math/formatted"].version.rows > 0
    assert {check.name: check.message for check in dataset.checks}["no_benchmark_overlap"] == (
        "no question was looked at; not scanned again: math's decontaminate.semantic, which asks a model"
    )


def test_nothing_is_asked_twice(tmp_path):
    first = make(deduplicated(tmp_path), upto=UNIQUE)[UNIQUE]
    assert first.version.scan().select(pl.col("judge_error").is_null().all()).collect().item()
    more = make(deduplicated(tmp_path, top_k=3), upto=UNIQUE, run_id="more")[UNIQUE]
    assert more.usage.reused == first.usage.requested
    assert more.usage.answered > 0


def test_what_a_spent_budget_leaves_unasked_is_told(tmp_path):
    capped = {"budget": {"tokens": 1}}
    unique = make(deduplicated(tmp_path, **capped), upto=UNIQUE)[UNIQUE]
    assert unique.usage.pending > 0
    assert not answered(unique).passed
    errors = unique.version.scan().collect()["judge_error"].drop_nulls()
    assert len(errors) > 0
    assert all("budget" in error for error in errors)
    # what was left open is asked by the next run
    whole = make(deduplicated(tmp_path), upto=UNIQUE, run_id="whole")[UNIQUE]
    assert whole.usage.pending == 0
    assert not whole.reused
