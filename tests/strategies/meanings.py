"""An embedder without a model: what a text means is how many z it has, five degrees each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def cosine(one: str, other: str) -> float:
    return float(np.cos(np.radians(5 * (one.count("z") - other.count("z")))))


@dataclass
class Meanings:
    model: str = "meanings@1"
    asked: list[str] = field(default_factory=list)

    def embed(self, texts):
        self.asked += texts
        angles = np.radians([5.0 * text.count("z") for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
