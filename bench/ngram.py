"""13-grams of a million questions against 15,658 evaluation strings, Parquet to Parquet. Wanted: at most 30 s.

Beside it the plainest exact way, a Python set of tuples, on the first 20,000 of the same questions: the same rows must
go. `OT_BENCH_ROWS` sets another size.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.corpus import evaluation_strings, measured, write_questions, written

ROWS = int(os.environ.get("OT_BENCH_ROWS", "1000000"))
ITEMS = 15_658
N = 13
_SAMPLE = 20_000


def write_input(folder: Path) -> None:
    import polars as pl

    write_questions(folder / "questions.parquet", ROWS)
    pl.DataFrame({"question": evaluation_strings(ITEMS)}).write_parquet(folder / "items.parquet")


def decontaminated(folder: Path) -> None:
    """Kept and dropped, with their evidence, as two files."""
    written("decontaminate.ngram", folder, against=str(folder / "items.parquet"), n=N)


def by_sets(folder: Path) -> tuple[float, set[str]]:
    """Seconds for the first questions, and the ids of those that share a run of N words, or all of a shorter item."""
    import polars as pl

    from ot_assets.strategies.decontaminate.ngrams import WHOLE_FROM

    runs: set[tuple[str, ...]] = set()
    for item in pl.read_parquet(folder / "items.parquet")["question"]:
        words = item.lower().split()
        runs.update(tuple(words[i : i + N]) for i in range(max(len(words) - N, 0) + 1))
    lengths = sorted({len(run) for run in runs} - {0})
    started, found = time.perf_counter(), set()
    for question_id, text in pl.read_parquet(folder / "questions.parquet", n_rows=_SAMPLE).iter_rows():
        words = text.lower().split()
        for n in lengths:
            whole = n < WHOLE_FROM and len(words) != n
            if not whole and any(tuple(words[i : i + n]) in runs for i in range(len(words) - n + 1)):
                found.add(question_id)
    return time.perf_counter() - started, found


if __name__ == "__main__":
    import polars as pl

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        measured("ngram", "write_input", folder)
        seconds, peak = measured("ngram", "decontaminated", folder)
        dropped = pl.read_parquet(folder / "dropped.parquet", columns=["question_id"])["question_id"]
        print(f"{ROWS:,} questions: {seconds:.1f} s, peak {peak:.2f} GB; {len(dropped):,} dropped", flush=True)
        plain, wanted = by_sets(folder)
        sample = set(dropped) & {f"q{row}" for row in range(_SAMPLE)}
        print(
            f"sets of tuples, {_SAMPLE:,} questions: {plain:.1f} s, for all {plain * ROWS / _SAMPLE:.0f} s;"
            f" {len(wanted):,} found, {'the same' if wanted == sample else 'OTHER ROWS'}"
        )
