"""A student small enough to train in seconds, and rows for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from data.generator.families.math import FAMILIES
from ot_resources.interfaces import Message, Training
from ot_resources.students.models import Models

# The embedded student, cut to its first layer: what is tested is how it is trained, not what comes of it.
LAYERS = 1
TINY = Training(epochs=3, batch=8, rate=1e-3, context=256)


def tiny(folder: Path) -> Path:
    """A base of one layer with the embedded student's tokenizer."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    from ot_resources.students import STUDENT_FOLDER

    torch.manual_seed(0)
    config = Qwen2Config.from_pretrained(STUDENT_FOLDER)
    config.num_hidden_layers, config.layer_types = LAYERS, ["full_attention"] * LAYERS
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(STUDENT_FOLDER).save_pretrained(folder)
    return folder


def rows(n: int = 40, seed: int = 0) -> Callable[[], Iterator[tuple[Message, ...]]]:
    """Worked solutions of math questions."""
    rng = Random(f"rows {seed}")
    problems = [FAMILIES[name](rng) for _ in range(n // 8 + 1) for name in FAMILIES][:n]

    def read() -> Iterator[tuple[Message, ...]]:
        for problem in problems:
            yield Message("user", problem.question), Message("assistant", problem.solution)

    return read


def models(folder: Path, base: Path | str, **more: object) -> Models:
    return Models(folder / "students", str(base), "embedded", str(folder / "ledger"), on_gpu=False, **more)  # type: ignore[arg-type]


def weights(models: Models, student: str) -> str:
    return hashlib.sha256((models.folder / student / "model.safetensors").read_bytes()).hexdigest()
