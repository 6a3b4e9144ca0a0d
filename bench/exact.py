"""Exact dedup of 3 million questions, Parquet to Parquet. Wanted: at most 30 s and 4 GB.

The questions are those of `OT_SHARED` and copies of them with other numbers and words; every third row is an exact copy
of an earlier one. `OT_BENCH_ROWS` sets another size.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.corpus import measured, write_questions, written

ROWS = int(os.environ.get("OT_BENCH_ROWS", "3000000"))


def write_input(folder: Path) -> None:
    write_questions(folder / "questions.parquet", ROWS, copies=3)


def deduplicated(folder: Path) -> None:
    """Kept and dropped, with their evidence, as two files."""
    written("dedup.exact", folder)


def by_polars_alone(folder: Path) -> None:
    """The kept texts by polars' own unique, without ids of twins, evidence or dropped rows."""
    import polars as pl

    rows = pl.scan_parquet(folder / "questions.parquet").unique("question", keep="first", maintain_order=True)
    rows.sink_parquet(folder / "alone.parquet", engine="streaming")


def rows(path: Path) -> int:
    import polars as pl

    return pl.scan_parquet(path).select(pl.len()).collect().item()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        measured("exact", "write_input", folder)
        ours, ours_peak = measured("exact", "deduplicated", folder)
        peer, peer_peak = measured("exact", "by_polars_alone", folder)
        kept, dropped = rows(folder / "kept.parquet"), rows(folder / "dropped.parquet")
        assert kept == rows(folder / "alone.parquet")
        assert kept + dropped == ROWS
        print(f"{ROWS:,} rows: {ours:.1f} s, peak {ours_peak:.2f} GB; {kept:,} kept, {dropped:,} dropped", flush=True)
        print(f"polars unique alone, kept rows only: {peer:.1f} s, peak {peer_peak:.2f} GB")
