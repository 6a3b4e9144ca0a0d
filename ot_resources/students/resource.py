"""The students as a Dagster resource."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import Field

from ot_resources.generators.budget import UNLIMITED, Budget
from ot_resources.generators.embedded import REVISION
from ot_resources.interfaces import Training
from ot_resources.students.models import Models


class StudentModels(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models that are fine-tuned here, kept and asked. Nothing is loaded, or trained, before a stage asks for it."""

    root: str = Field(description="Folder that runs write to (OT_DATA). It holds students/ and ledger/.")
    base: str = Field(
        default="embedded",
        description="What is trained where a study does not say: embedded (the project's own small model), a folder in"
        " transformers' format, or a name on the Hub (OT_STUDENT). Empty: each study says its own.",
    )
    engine: str = Field(default="embedded", description="What runs a student that is asked: embedded, vllm or server.")
    on_gpu: bool = Field(default=False, description="Train one after the other on all GPUs of the machine.")
    workers: int = Field(default=0, ge=0, description="Trainings at the same time on a CPU. 0: as many as cores.")

    def trained_by(self, base: str, revision: str, lora: int | None) -> str:
        """What decides what comes of a training, beside its rows, parameters and seed: the trainer, the device, and the
        base that is really trained, with the hash of its weights where it is a folder."""
        return self._models("-", "-", UNLIMITED).trained_by(Training(base=base, revision=revision, lora=lora))

    @property
    def asked_by(self) -> str:
        """What runs the students that are asked. Which versions of which packages does not make other answers: what was
        answered once is kept."""
        return f"{self.engine} engine, revision {REVISION}" if self.engine == "embedded" else f"{self.engine} engine"

    def students(self, run_id: str, asset: str, budget: Budget = UNLIMITED) -> Models:
        """The students for one stage of one run, with the usage of those that it asks."""
        return self._models(run_id, asset, budget)

    def _models(self, run_id: str, asset: str, budget: Budget) -> Models:
        return Models(
            folder=Path(self.root) / "students",
            base=self.base,
            engine=self.engine,
            ledger=str(Path(self.root) / "ledger"),
            on_gpu=self.on_gpu,
            workers=self.workers,
            run_id=run_id,
            asset=asset,
            budget=budget,
        )
