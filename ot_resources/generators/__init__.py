"""Models that answer: engines, and the ledger in front of all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ot_resources.generators.checkpoint import JUDGE_FOLDER, TEACHER_FOLDER
from ot_resources.generators.engines import ENGINES, open_engine, parse_spec
from ot_resources.generators.ledgered import LedgeredGenerator
from ot_resources.generators.settings import ModelSettings

__all__ = ["ENGINES", "JUDGE_FOLDER", "TEACHER_FOLDER", "open_engine", "open_generator", "parse_spec"]


@contextmanager
def open_generator(spec: str, ledger: str | Path | None = None, **settings: Any) -> Iterator[LedgeredGenerator]:
    """A Generator from `engine[:model[@url]]`: `embedded`, `vllm:path/to/model`, `server:NAME@URL`, `server:FOLDER`.

    Without a `ledger` folder its responses are not kept. `settings` are the fields of ModelSettings: `context=4096`,
    `concurrency=256`, ... BadInput: there is no such engine, model or setting, or it cannot be had.
    """
    with tempfile.TemporaryDirectory() as scratch:
        model = ModelSettings(**parse_spec(spec, spec), ledger=str(ledger or scratch), **settings)
        generator = model.generator("-", "-")
        try:
            yield generator
        finally:
            generator.ledger.close()
            model.release()
