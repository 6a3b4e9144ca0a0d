"""Sentence embeddings, loaded when the first text comes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ot_resources.interfaces import BadInput

if TYPE_CHECKING:
    import numpy as np


class SentenceEmbedder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Maps texts to unit vectors with a sentence-transformers model."""

    model: str = Field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        description="A sentence-transformers model: a Hub id or a folder. Loaded at first use.",
    )
    batch_size: int = Field(default=64, description="Texts encoded together.")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (texts, dimensions), rows of length 1."""
        encoder = _load(self.model)
        return encoder.encode(list(texts), batch_size=self.batch_size, normalize_embeddings=True)


@cache
def _load(model: str) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(model, trust_remote_code=False)
    except OSError as error:
        line = str(error).strip().splitlines()[0]
        raise BadInput(f"embedder: cannot load {model} ({line}); give a folder or a Hub id that can be had") from None
