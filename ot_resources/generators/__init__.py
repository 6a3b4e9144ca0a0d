"""Models that answer: engines, and the ledger in front of all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from ot_resources.generators.engine import Engine
from ot_resources.generators.ledger import Ledger, LedgeredGenerator
from ot_resources.interfaces import BadInput

TEACHER_FOLDER = Path(__file__).parents[2] / "data" / "teacher"
JUDGE_FOLDER = TEACHER_FOLDER.with_name("judge")
ENGINES = ("embedded",)


class LanguageModel(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A model that answers questions, with the ledger in front of it. Nothing is loaded before the first request."""

    engine: str = Field(default="embedded", description="What runs the model: embedded (transformers, on the CPU).")
    model: str = Field(
        default="", description="The model: a folder in transformers' format. Empty: the embedded teacher."
    )
    context: int = Field(
        default=512, description="Tokens of prompt and completion together; longer completions are cut."
    )
    ledger: str = Field(description="Folder of the response store. Everything asked is kept and never asked again.")

    @property
    def identity(self) -> str:
        """The model with the hash of its weights, tokenizer and template; known without loading it."""
        return self._engine().model

    def generator(self, run_id: str, asset: str) -> LedgeredGenerator:
        """A Generator for one stage of one run, with its own usage counts."""
        return LedgeredGenerator(self._engine(), Ledger(self.ledger), run_id, asset)

    def _engine(self) -> Engine:
        return open_engine(self.engine, self.model, self.context)


def open_engine(engine: str, model: str = "", context: int = 512) -> Engine:
    """The engine by name; BadInput names those that there are."""
    if engine not in ENGINES:
        raise BadInput(f"unknown engine '{engine}'; there is: {', '.join(ENGINES)}")
    from ot_resources.generators.embedded import EmbeddedEngine

    return EmbeddedEngine(model or TEACHER_FOLDER, context)


@contextmanager
def open_generator(spec: str, ledger: str | Path | None = None) -> Iterator[LedgeredGenerator]:
    """A Generator from `engine[:model]`, e.g. `embedded`; without a `ledger` folder its responses are not kept."""
    engine, _, model = spec.partition(":")
    with tempfile.TemporaryDirectory() as scratch:
        yield LedgeredGenerator(open_engine(engine, model), Ledger(ledger or scratch))
