"""Supervised fine-tuning on the conversations of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.contracts import DROPPED, STUDENT
from ot_assets.strategies.dropping import encode
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.student.turns import messages
from ot_resources.interfaces import Students, Trained, Training

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
# A chat template alone is longer.
Context = Annotated[int, Field(ge=16)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**32)]], Field(min_length=1, max_length=100)]


@strategy(stage="student", version=1, needs=("conversations",))
def sft(
    rows: pl.LazyFrame,
    *,
    students: Students,
    seeds: Seeds,
    preset: str = "",
    base: str = "",
    epochs: Positive = 5.0,
    batch: Count = 128,
    rate: Positive = 4e-5,
    warmup: Share = 0.1,
    context: Context = 16_384,
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0,
    packing: bool = False,
    lora: Count | None = None,
    revision: str = "",
) -> Iterator[Split]:
    """Fine-tune the base on all rows, one student a seed; the loss is taken on the last turn only, the assistant's.

    All weights are trained, or with `lora` an adapter of that rank, which is merged into the base. `batch` counts rows
    a step, `warmup` is a share of the steps, `context` counts tokens: a longer row is cut there. With `packing` short
    rows share a sequence without seeing each other. An empty `base` is the environment's student (OT_STUDENT),
    `revision` the commit of a base on the Hub; `preset` says where the numbers come from, on `local` for which one the
    embedded student stands (ot_assets/ablations/catalogue/students.yaml).

    OpenThoughts3 fine-tunes Qwen2.5-7B-Instruct on 31,600 rows a cell: batch 128, rate 4e-5, 5 epochs, 16,384 tokens,
    AdamW (0.9, 0.999), cosine, a tenth of warm-up (paper, section 3.1; hp_settings/paper/medium). It trains each once:
    of two scores it cannot tell a better choice from a lucky seed.

    Columns in: conversations; system where there is one. Columns out: seed, student, base, rows, tokens, steps, loss,
    train_seconds. Dropped: `diverged`, where the loss was no number. BadInput: no rows, a base that cannot be trained.
    """
    training = Training(base, epochs, batch, rate, warmup, context, weight_decay, packing, lora, revision)
    yield Split(_table([]), _dropped([]))
    for trained in students.train(messages(rows), training, seeds):
        yield as_split(trained)


def as_split(trained: Trained) -> Split:
    """One row: kept, or dropped where it diverged."""
    if trained.error is None:
        return Split(_table([trained]), _dropped([]))
    return Split(_table([]), _dropped([trained]))


def _table(students: list[Trained]) -> pl.LazyFrame:
    return pl.LazyFrame([_row(student) for student in students], schema=STUDENT)


def _dropped(students: list[Trained]) -> pl.LazyFrame:
    told = [
        _row(student) | {"drop_reason": "diverged", "drop_evidence": encode({"error": student.error})}
        for student in students
    ]
    return pl.LazyFrame(told, schema=STUDENT | DROPPED)


def _row(trained: Trained) -> dict[str, object]:
    """As a row; what a training that did not end well, or was not made here, does not tell is null."""
    learned = trained.tokens > 0 and trained.error is None
    return {
        "seed": trained.seed,
        "student": trained.student,
        "base": trained.base,
        "rows": trained.rows,
        "tokens": trained.tokens or None,
        "steps": trained.steps,
        "loss": trained.loss if learned else None,
        "train_seconds": trained.seconds if trained.tokens else None,
    }
