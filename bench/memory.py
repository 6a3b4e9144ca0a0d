"""Peak memory of a row-local stage over 5 GB of Parquet, beside polars' own sink_parquet of the same rows.

Wanted: under 2 GB. `OT_BENCH_GB` sets another size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_GB = float(os.environ.get("OT_BENCH_GB", "5"))
_ROWS = 4_000
_CHARACTERS = 6_000


def write_input(folder: Path) -> int:
    """Answers with reasoning of 6,000 characters that do not compress, until the files hold enough; the bytes."""
    import polars as pl

    written, part = 0, 0
    while written < _GB * 1e9:
        texts = [os.urandom(_CHARACTERS // 2).hex() + os.urandom(_CHARACTERS // 4).hex() for _ in range(_ROWS)]
        ids = [f"{part:04}{row:06}" for row in range(_ROWS)]
        frame = pl.DataFrame({"question_id": ids, "reasoning": texts}).with_columns(
            sample=pl.lit(0, pl.Int64),
            question=pl.lit("What is it?"),
            answer=pl.col("question_id"),
            finish_reason=pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.lit("length")).otherwise(pl.lit("stop")),
        )
        path = folder / f"part-{part:05}.parquet"
        frame.write_parquet(path)
        written += path.stat().st_size
        part += 1
    return written


def through_the_store(folder: Path) -> None:
    """format.think_human_gpt from Parquet to a committed version, kept and dropped."""
    import polars as pl

    from ot_assets.contracts import VOLATILE
    from ot_assets.strategies.registry import find
    from ot_resources.store import Store

    rows = pl.scan_parquet(folder / "part-*.parquet", glob=True)
    with Store(root=str(folder / "data")).draft("formatted", VOLATILE) as draft:
        split = find("format", "think_human_gpt").function(rows)
        draft.write(split.kept, split.dropped)
        draft.seal({"bench": "memory"})
        draft.commit({"rows_out": draft.rows, "rows_dropped": draft.rows_dropped})


def by_polars_alone(folder: Path) -> None:
    """The same rows with sink_parquet, kept only, as polars does it by default."""
    import polars as pl

    from ot_assets.strategies.registry import find

    rows = pl.scan_parquet(folder / "part-*.parquet", glob=True)
    find("format", "think_human_gpt").function(rows).kept.sink_parquet(folder / "alone.parquet")


def _peak(name: str, folder: Path) -> tuple[float, float]:
    """(GB of resident memory at the peak, seconds) of a function in a process of its own."""
    code = (
        "import resource, sys, time; from pathlib import Path; from bench import memory;"
        f"t = time.perf_counter(); memory.{name}(Path(sys.argv[1]));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, time.perf_counter() - t)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    peak, seconds = done.stdout.split()
    return float(peak), float(seconds)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        size = write_input(Path(scratch)) / 1e9
        ours, ours_seconds = _peak("through_the_store", Path(scratch))
        print(f"{size:.1f} GB of Parquet through the store: peak {ours:.2f} GB, {ours_seconds:.0f} s", flush=True)
        peer, peer_seconds = _peak("by_polars_alone", Path(scratch))
        print(f"polars sink_parquet alone: peak {peer:.2f} GB, {peer_seconds:.0f} s; memory {ours / peer:.2f} x")
