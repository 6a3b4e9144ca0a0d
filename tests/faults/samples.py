"""A small recipe that asks the embedded teacher, and what its runs leave on disk."""

from __future__ import annotations

from pathlib import Path

from ot_resources.generators.segments import Segments
from ot_resources.store import Store
from tests.recipes.small import KEPT, math, recipe, write_recipe

SAMPLES = 8
# So many requests a run makes.
KEYS = KEPT * SAMPLES


def write_asking(folder: Path, name: str = "small", max_tokens: int = 32, samples: int = SAMPLES) -> Path:
    """The small recipe with answers of the teacher, cut or not."""
    body = recipe() | {"name": name}
    math(body)[3] = {"answers": {"use": "teacher", "samples": samples, "max_tokens": max_tokens}}
    math(body).append({"format": {"use": "think", "keep_truncated": True}})
    return write_recipe(folder, body, f"{name}.yaml")


def dataset(data: Path) -> str:
    """The version of the dataset."""
    version = Store(root=str(data)).latest(("small", "dataset"))
    assert version is not None
    return version.version


def stored(data: Path) -> list[str]:
    """The keys of the responses on disk, as they lie there."""
    segments = Segments(data / "ledger" / "segments")
    records = [record for number in segments.numbers() for _, record in segments.scan(number)]
    return [record["key"] for record in records if record and "key" in record]
