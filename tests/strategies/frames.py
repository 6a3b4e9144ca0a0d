"""Small frames and the shared real ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import polars as pl

from ot_assets.strategies import Split, apply
from tests.conftest import PROJECT, require

SHARED = Path(os.environ.get("OT_SHARED") or PROJECT.parent / "shared") / "data"


def shared(name: str) -> Path:
    """A file of real data. Without it the test is skipped, or fails where `shared` is required."""
    path = SHARED / f"{name}.parquet"
    require("shared", path.exists(), f"nothing at {path}; set OT_SHARED to the folder of shared data")
    return path


def questions(*texts: str | None, source: str = "s", **columns: list[Any]) -> pl.DataFrame:
    """Questions q0, q1, ... of one source, with more columns if given."""
    ids = [f"q{number}" for number in range(len(texts))]
    frame = pl.DataFrame(
        {"question_id": ids, "source": [source] * len(texts), "question": list(texts)},
        schema={"question_id": pl.String, "source": pl.String, "question": pl.String},
    )
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def both(name: str, frame: pl.DataFrame, **params: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Kept and dropped of a strategy, after checking that an eager and a lazy frame give the same, that
    in = kept + dropped, and that every dropped row has its columns, a reason and evidence."""
    kept, dropped = collected(apply(name, frame, **params))
    lazily = collected(apply(name, frame.lazy(), **params))
    assert kept.equals(lazily[0])
    assert dropped.equals(lazily[1])
    assert len(kept) + len(dropped) == len(frame)
    assert set(frame.columns) <= set(kept.columns)
    assert set(frame.columns) | {"drop_reason", "drop_evidence"} <= set(dropped.columns)
    assert not [column for column in kept.columns + dropped.columns if column.startswith("__")]
    assert dropped["drop_reason"].null_count() == 0
    assert all(isinstance(told, dict) for told in evidence(dropped))
    return kept, dropped


def collected(split: Split) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept, dropped = pl.collect_all([split.kept, split.dropped])
    return kept, dropped


def evidence(dropped: pl.DataFrame) -> list[dict[str, Any]]:
    return [json.loads(told) for told in dropped["drop_evidence"]]
