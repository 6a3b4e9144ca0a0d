"""Scores that were measured elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import polars as pl

from ot_assets.contracts import SCORE
from ot_assets.strategies.dropping import encode
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.running import nothing_dropped
from ot_assets.strategies.scores import elsewhere
from ot_resources.interfaces import BadInput, Students

_SCHEMA = SCORE | {"task": pl.String, "file": pl.String}


@strategy(stage="scores", version=4, needs=("seed", "student"))
def imported(
    students_made: pl.LazyFrame,
    *,
    benchmarks: pl.LazyFrame,
    students: Students,
    held_out: list[str] = [],  # noqa: B006 - never changed
    files: dict[str, dict[str, str]] | None = None,
) -> Split:
    """Take the scores that were handed in for each student (`ot scores STUDY VARIANT FILE`).

    For students that are trained and asked elsewhere: results of evalchemy or lighteval, or a plain form
    (`elsewhere.py`). One row a repeat of a benchmark: `question_id` is null, `right` the share of its `n` questions. Of
    such a score the standard error over questions is that of a share, and differences are not paired.

    `files` names those that count, by student, each with the hash of its text (`content_hash`); without it all do.

    Columns in: seed, student; of `benchmarks` source. Columns out: those of a score, task and file. Dropped:
    `not_asked` a task that is no benchmark of the study. BadInput: a student without a file, a benchmark in two files,
    a file that is none of the three forms.
    """
    ids = frozenset(benchmarks.select(pl.col("source").unique()).collect()["source"])
    kept: list[dict[str, object]] = []
    dropped: list[dict[str, object]] = []
    for seed, student in students_made.select("seed", "student").collect().iter_rows():
        seen: dict[str, str] = {}
        for name, text in handed_in(students, student):
            told = None if files is None else files.get(student, {})
            if told is not None and name not in told:
                continue
            if told is not None and told[name] != content_hash(text):
                raise BadInput(f"{name}: scores of student {student} changed while they were read; run again")
            for one in elsewhere.read(text, name, ids).measured:
                if seen.setdefault(one.benchmark, name) != name:
                    raise BadInput(f"{name}: {one.benchmark} of student {student} is in {seen[one.benchmark]} already")
                row = {
                    "seed": seed,
                    "student": student,
                    "benchmark": one.benchmark,
                    "held_out": one.benchmark in held_out,
                    "sample": one.repeat,
                    "right": one.right,
                    "n": one.n,
                    "task": one.task,
                    "file": name,
                }
                (kept if one.benchmark in ids else dropped).append(row)
        if not seen:
            raise BadInput(
                f"no scores of student {student} (seed {seed}): train and evaluate it, then hand them in:"
                " ot scores STUDY VARIANT FILE"
            )
    evidence = pl.lit(encode({"why": "no benchmark of the study"})).alias("drop_evidence")
    left_out = pl.LazyFrame(dropped, schema=_SCHEMA).with_columns(pl.lit("not_asked").alias("drop_reason"), evidence)
    rows = pl.LazyFrame(kept, schema=_SCHEMA)
    return Split(rows, left_out if dropped else nothing_dropped(rows))


def content_hash(text: str) -> str:
    """What tells one file's text from another's."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def handed_in(students: Students, student: str) -> Iterator[tuple[str, str]]:
    """The files of a student; `ot scores` lets none in that is no text, a person may."""
    try:
        yield from students.scores(student)
    except UnicodeDecodeError as error:
        raise BadInput(f"scores of student {student}: a file is not text in UTF-8 (byte {error.start + 1})") from None
