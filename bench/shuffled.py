"""A student's training hangs on its data: with the answers shuffled between the questions, the score drops.

`python -m bench.shuffled`: the embedded teacher's answers to questions of data/study, as they are and shuffled; two
students on each; their scores on the questions that may choose. The sizes were fixed before it was first run. It ends
with an error unless the drop is more than two standard errors, over questions and seeds, of the difference.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import polars as pl

from ot_assets.ablations.students import training
from ot_assets.strategies import apply
from ot_resources.generators import open_generator
from ot_resources.sandboxes import open_sandbox
from ot_resources.students.models import Models

ROWS = 1000
SEEDS = [0, 1]
REPEATS = 2
SHUFFLE = 20261126
STUDY = Path("data/study")


def conversations(ledger: Path) -> pl.DataFrame:
    """The first questions of the study with the teacher's answer to each, right or wrong, as rows to learn from."""
    asked = pl.read_parquet(STUDY / "questions.parquet").rename({"id": "question_id"}).head(round(1.02 * ROWS))
    with open_generator("embedded", ledger) as teacher:
        answers = apply("answers.teacher", asked, generator=teacher, samples=1, temperature=0.9, max_tokens=256).kept
        rows = apply("format.think", answers).kept.head(ROWS).collect()
    if rows.height < ROWS:
        raise SystemExit(f"{rows.height} rows of {ROWS}: too few of the teacher's answers are whole")
    return rows


def shuffled(rows: pl.DataFrame) -> pl.DataFrame:
    """Each question with the answer to another: one round through all rows in a random order."""
    order = list(range(rows.height))
    Random(SHUFFLE).shuffle(order)
    source = dict(zip(order, order[1:] + order[:1], strict=True))
    turns = rows["conversations"].to_list()
    mixed = [[turns[i][0], turns[source[i]][1]] for i in range(rows.height)]
    return rows.with_columns(pl.Series("conversations", mixed, dtype=rows.schema["conversations"]))


def scores(models: Models, rows: pl.DataFrame) -> pl.DataFrame:
    """Students trained on `rows`, asked the questions of the dev set."""
    params = training("medium", "local", "bench")
    students = apply("student.sft", rows, students=models, seeds=SEEDS, **params).kept.collect()
    questions = pl.read_parquet(STUDY / "held_out_dev.parquet").rename({"id": "question_id"})
    filled = {"source": "practice", "domain": "math", "tests": None, "extra": "{}"}
    asked = questions.with_columns(pl.lit(value, pl.String).alias(name) for name, value in filled.items())
    with open_sandbox("process") as sandbox:
        return apply(
            "scores.evaluate",
            students,
            benchmarks=asked,
            students=models,
            sandbox=sandbox,
            repeats={"practice": REPEATS},
            max_tokens=128,
        ).kept.collect()


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("ot.stage").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as scratch:
        ledger = Path(scratch) / "ledger"
        models = Models(Path(scratch) / "students", "embedded", "embedded", str(ledger), on_gpu=False)
        rows, found = conversations(ledger), []
        for name, given in (("as_they_are", rows), ("shuffled", shuffled(rows))):
            began = time.monotonic()
            found.append(scores(models, given).with_columns(pl.lit(name).alias("variant")))
            print(f"{name}: {len(SEEDS)} students in {time.monotonic() - began:.0f} s", flush=True)
    every = pl.concat(found, how="diagonal_relaxed")
    board = apply("scoreboard.compare", every, variants=["as_they_are", "shuffled"], baseline="as_they_are")
    by_name = {row["variant"]: row for row in board.kept.filter(benchmark="dev").collect().iter_rows(named=True)}
    for name, row in by_name.items():
        print(f"{name}: {row['score']:.1f} (standard error {row['se']:.1f}), {row['questions']} questions")
    drop, error = -by_name["shuffled"]["vs_baseline"], by_name["shuffled"]["vs_baseline_se"]
    print(f"drop {drop:.1f} points, standard error {error:.1f}: {drop / error:.1f} of them")
    if drop <= 2 * error:
        sys.exit("the score does not hang on the data")


if __name__ == "__main__":
    main()
