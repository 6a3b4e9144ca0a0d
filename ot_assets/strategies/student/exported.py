"""What somebody needs who trains the student elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.student.sft import Context, Count, Positive, Seeds, Share, as_split
from ot_assets.strategies.student.turns import messages
from ot_resources.interfaces import Students, Training


@strategy(stage="student", version=1, needs=("conversations",))
def exported(
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
    """Write rows and configuration for LLaMA-Factory, one folder a seed: `<OT_DATA>/students/<student>/`.

    data.jsonl, dataset_info.json, train.yaml (full fine-tuning under ZeRO-3, with the numbers of `student.sft`) and a
    README with the two commands. OpenThoughts trained all its students with LLaMA-Factory (train/*.yaml). Scores come
    back with `ot scores`, into `scores/` of the same folder.

    Columns in: conversations; system where there is one. Columns out: those of `student.sft`, with tokens, loss and
    train_seconds null. BadInput: no rows, or no base that others can get.
    """
    training = Training(base, epochs, batch, rate, warmup, context, weight_decay, packing, lora, revision)
    for student in students.export(messages(rows), training, seeds):
        yield as_split(student)
