"""Versions of a store, written as the graph writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ot_assets.contracts import DROPPED, VOLATILE
from ot_resources.digest import short_hash
from ot_resources.store import Store, Version

ASSET = ("recipe", "math", "questions")


def write(
    store: Store, frame: pl.DataFrame, *, kind: str = "questions", dropped: pl.DataFrame | None = None, **identity: Any
) -> Version:
    """Commit `frame` as a version of `kind`; no name moves."""
    if dropped is None:
        dropped = none_dropped(frame).collect()
    with store.draft(kind, VOLATILE, {"asset": "recipe/math/questions", "trail": [identity]}) as draft:
        draft.write(frame.lazy(), dropped.lazy())
        draft.seal(identity)
        return draft.commit(record(draft.rows, draft.rows_dropped, dict(draft.reasons)))


def none_dropped(frame: pl.DataFrame | pl.LazyFrame) -> pl.LazyFrame:
    """An empty frame of drops beside `frame`."""
    return pl.LazyFrame(schema=dict(frame.lazy().collect_schema()) | DROPPED)


def record(rows: int, dropped: int = 0, reasons: dict[str, int] | None = None) -> dict[str, Any]:
    """The least that a version's record says."""
    choice = {"stage": "sources", "strategy": "union", "strategy_version": 1, "params": {}}
    return {"rows_in": rows + dropped, "rows_out": rows, "rows_dropped": dropped, "dropped": reasons or {}} | {
        "choice": choice,
        "trail": [choice],
    }


def key(**identity: Any) -> str:
    return short_hash(identity)


def whole(version: Version) -> bool:
    """Whether record, footers and rows of a version agree."""
    import pyarrow.parquet as pq

    parts = sorted(version.path.glob("part-*.parquet"))
    rows = sum(pq.read_metadata(part).num_rows for part in parts)
    names = {pq.read_metadata(part).metadata[b"ot.version"].decode() for part in parts}
    return rows == version.rows and names == {version.version} and version.path.name == version.version


def leftovers(root: Path) -> list[Path]:
    """Drafts that nobody committed or removed."""
    return list((root / "store" / ".drafts").glob("*"))
