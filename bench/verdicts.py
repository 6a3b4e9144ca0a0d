"""A million verdicts through the store: rows a second, and peak memory of the process that writes them.

    python -m bench.verdicts [--rows 1000000]

Wanted: under 1 GB. Answers of 600 characters that end in a box, from Parquet, through `verify.math` into a version.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def write_answers(folder: Path, rows: int) -> None:
    """A stored version of answers, as a stage would have left it."""
    import polars as pl

    from ot_resources.store import Store

    place = pl.int_range(rows).alias("place")
    frame = pl.select(place).select(
        pl.format("q{}", "place").alias("question_id"),
        pl.concat_str(pl.lit("so it goes on. " * 38 + "\\boxed{"), pl.col("place").cast(pl.String), pl.lit("}")).alias(
            "answer"
        ),
        (pl.col("place") - pl.col("place") % 3).cast(pl.String).alias("reference"),
    )
    with Store(root=str(folder)).draft("answers") as draft:
        draft.write(frame.lazy(), frame.lazy().head(0).with_columns(drop_reason=pl.lit(""), drop_evidence=pl.lit("")))
        draft.seal({"bench": "verdicts"})
        draft.commit({"rows_out": rows, "rows_dropped": 0, "dropped": {}})


def judge(folder: Path) -> None:
    """verify.math over the version; prints seconds and the peak of this process."""
    import polars as pl

    from ot_assets.strategies import running
    from ot_assets.strategies.registry import find
    from ot_resources.store import Store

    started = time.monotonic()
    answers = pl.scan_parquet(folder / "store" / "answers" / "*" / "part-*.parquet")
    with Store(root=str(folder)).draft("verified") as draft:
        draft.write_all(running.as_split(piece) for piece in find("verify", "math").function(answers))
        draft.seal({"bench": "verdicts"})
        verdicts = dict(draft.scan().group_by("verdict").len().collect(engine="streaming").iter_rows())
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows = sum(verdicts.values())
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(verdicts.items()))
    print(f"{rows:,} answers judged in {seconds:.0f} s ({told}), peak {peak:.2f} GB (wanted 1)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--judge", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judge:
        judge(options.judge)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_answers(Path(folder), options.rows)
        subprocess.run([sys.executable, "-m", "bench.verdicts", "--judge", folder], check=True)


if __name__ == "__main__":
    main()
