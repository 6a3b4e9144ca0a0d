"""Questions asked until enough answers are right, by the embedded teacher, in a recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from ot_assets.contracts import ANSWER, QUESTION
from ot_assets.graph.checking import StageFailed
from ot_assets.graph.execute import Made, execute
from ot_assets.recipes.loading import load_recipe
from ot_assets.recipes.plan import plan
from ot_assets.strategies import Split
from tests.graph.running import make, tools

pytestmark = pytest.mark.usefixtures("data_root")

QUESTIONS, MOST = 8, 6
NONE = {"use": "none", "reason": "a test"}
UNTIL = {"use": "until_accepted", "verify": "math", "accepted": 2, "most": MOST, "give_up": 4}
ANSWERS = "asked/math/answers"


def recipe(folder: Path, **answers: Any) -> Path:
    stages = [
        {"sources": ["openmath_2_math"]},
        {"decontaminate": NONE},
        {"dedup": "exact"},
        {"filter": {"use": "random", "keep": QUESTIONS}},
        {"answers": answers | {"max_tokens": 160}},
        {"verify": "math"},
        {"select": "verified"},
    ]
    body = {"name": "asked", "format": "think", "tracks": {"math": stages}, "dataset": {"rows": "all"}}
    file = folder / "asked.yaml"
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    return file


def told_of(made: Made) -> str:
    return next(result.message for result in made.checks if result.name == "counts_add_up")


def test_a_recipe_pays_for_no_answer_that_it_does_not_need(tmp_path):
    made = make(recipe(tmp_path, **UNTIL))
    kept = made[ANSWERS].version.scan().collect()
    asked = len(kept)
    assert QUESTIONS * 2 <= asked < QUESTIONS * MOST
    assert made[ANSWERS].usage.requested == made[ANSWERS].usage.answered == asked
    assert told_of(made[ANSWERS]) == (
        f"{QUESTIONS} questions = {QUESTIONS} asked 2 to {MOST} times + 0 that nobody can verify;"
        f" {asked} = {asked} answered + 0 failed or pending"
    )
    # As the stage after it says.
    verified = made["asked/math/verified"].version.scan().collect()
    right = pl.col("verdict") == "right"
    of_each = verified.group_by("question_id").agg(right.sum().alias("right"), pl.len(), right.last().alias("last"))
    assert set(of_each["right"]) <= {0, 1, 2}
    assert of_each.filter(pl.col("right") == 2)["last"].all()
    assert set(of_each.filter(pl.col("right") == 1)["len"]) <= {MOST}
    assert set(of_each.filter(pl.col("right") == 0)["len"]) <= {4}

    # All answers of each question: only those that are missing are asked.
    whole = make(recipe(tmp_path, use="teacher", samples=MOST))
    assert whole[ANSWERS].usage.answered == QUESTIONS * MOST - asked
    rows = whole[ANSWERS].version.scan().collect()
    needed = of_each.select("question_id", "len")
    prefix = rows.join(needed, on="question_id", maintain_order="left").filter(pl.col("sample") < pl.col("len"))
    assert_frame_equal(kept, prefix.drop("len"))

    # And where all are there, nothing is.
    other = make(recipe(tmp_path, **UNTIL | {"accepted": 3, "first": 1}))
    assert (other[ANSWERS].usage.answered, other[ANSWERS].usage.failed) == (0, 0)
    assert other[ANSWERS].usage.reused >= QUESTIONS


def made_up(questions: pl.LazyFrame, answers: int) -> pl.LazyFrame:
    """So many answers of each question, without asking anybody."""
    new = [pl.lit(None, kind).alias(column) for column, kind in ANSWER.items() if column not in QUESTION]
    rows = questions.with_columns(new).with_columns(sample=pl.int_ranges(answers, dtype=pl.Int64).first())
    return rows.explode("sample")


def without_one(questions: pl.LazyFrame) -> pl.LazyFrame:
    return made_up(questions.slice(1), 3)


def unasked(questions: pl.LazyFrame) -> Split:
    one = questions.head(1).with_columns(drop_reason=pl.lit("not_verifiable"), drop_evidence=pl.lit("{}"))
    return Split(made_up(questions.slice(1), 2), one)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda questions: made_up(questions, 1), "8 answered"),
        (lambda questions: made_up(questions, 7), "56 answered"),
        (without_one, "21 answered"),
        (unasked, None),
    ],
)
def test_the_answers_must_add_up(tmp_path, function, told):
    file = recipe(tmp_path, **UNTIL)
    make(file, upto="asked/math/filtered")
    node = next(node for node in plan(load_recipe(file)) if node.name == ANSWERS)
    broken = replace(node.strategy, function=lambda questions, **_: function(questions))
    if told is None:
        made = execute(replace(node, strategy=broken), tools())
        assert told_of(made).startswith(
            "8 questions = 7 asked 2 to 6 times + 1 that nobody can verify; 14 = 14 answered"
        )
        return
    with pytest.raises(StageFailed, match=f"counts_add_up failed: .*{told}"):
        execute(replace(node, strategy=broken), tools())
