"""What a training's process is told, and where it keeps what: plain data that goes through a file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ot_resources.digest import canonical_json
from ot_resources.interfaces import Message, Trained, Training

# What came of a training, beside the weights or instead of them.
RECORD = "trained.json"


@dataclass(frozen=True)
class Spec:
    """One training. `out` appears whole when it is done; until then all is in `work`. `lock` is held by who trains.

    `every` counts the steps between two checkpoints. `base` is the folder, or the name on the Hub, that
    `Training.base` stands for; `called` tells it with the hash of its weights. `device` is `cpu` or `cuda`.
    """

    base: str
    called: str
    training: Training
    seed: int
    rows: Path
    work: Path
    out: Path
    lock: Path
    every: int
    device: str

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), default=str, indent=1) + "\n")

    @staticmethod
    def read(path: Path) -> Spec:
        told: dict[str, Any] = json.loads(path.read_text())
        told |= {name: Path(told[name]) for name in ("rows", "work", "out", "lock")}
        return Spec(**told | {"training": Training(**told["training"])})


def lines(conversations: Iterable[tuple[Message, ...]]) -> Iterator[str]:
    """One line of JSON a conversation: the turns before the last as `prompt`, the last as `completion`."""
    for messages in conversations:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        yield canonical_json({"prompt": turns[:-1], "completion": turns[-1:]}) + "\n"


def record(folder: Path) -> Trained:
    """What came of the training whose folder this is."""
    told: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return Trained(**told | {"loss": math.nan if told["loss"] is None else told["loss"]})
