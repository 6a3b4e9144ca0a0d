"""dedup.indel at 95 beside rapidfuzz on every pair of like length: the real questions, then a million.

`python -m bench.dedup real` or `million` does one half. The real half takes minutes, nearly all of it for every pair.
`published` tells what stays of all rows that are no benchmark's: as published, with five matches each, and with all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.corpus import SHARED, measured, real_questions, written

THRESHOLD = 95.0
MILLION = 1_000_000
_BLOCK = 256
# rapidfuzz says 0 of some pairs that are right at a cutoff.
_CUTOFF = THRESHOLD - 1e-3
_CORES = sorted(os.sched_getaffinity(0))


def every_pair(texts: list[str]) -> Iterator[tuple[int, int]]:
    """The pairs (earlier, later) that reach the threshold, by `cdist` of one worker in windows of length."""
    import numpy as np
    from rapidfuzz import fuzz, process

    order = np.argsort([len(text) for text in texts], kind="stable")
    ordered = [texts[number] for number in order]
    lengths = np.array([len(text) for text in ordered])
    for start in range(0, len(ordered), _BLOCK):
        block = ordered[start : start + _BLOCK]
        end = int(np.searchsorted(lengths, len(block[-1]) * (200 - THRESHOLD) / THRESHOLD + 1e-6, side="right"))
        scores = process.cdist(
            block, ordered[start:end], scorer=fuzz.ratio, score_cutoff=_CUTOFF, dtype=np.float64, workers=1
        )
        for one, other in np.argwhere(scores >= THRESHOLD):
            if one < other:
                first, second = int(order[start + one]), int(order[start + other])
                yield min(first, second), max(first, second)


def dropped(texts: list[str]) -> set[int]:
    """The rows that the strategy drops."""
    import polars as pl

    from ot_assets.strategies import apply

    found = apply("dedup.indel", pl.DataFrame({"question": texts}), threshold=THRESHOLD).dropped
    return {int(number) for number in found.select("question_id").collect()["question_id"]}


def first_and_later() -> None:
    """Prints seconds from the import to the result, and the least of three more runs."""
    texts = real_questions()
    first = _timed(lambda: dropped(texts))
    print(first, min(_timed(lambda: dropped(texts)) for _ in range(3)))


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _on_one_core(compiled: str) -> tuple[float, float]:
    """Seconds of a first run and of a later one, in a process with one core; `compiled` is where numba keeps code."""
    command = ["taskset", "-c", str(_CORES[0]), sys.executable, "-c"]
    code = "from bench.dedup import first_and_later; first_and_later()"
    environment = os.environ | {"NUMBA_CACHE_DIR": compiled}
    done = subprocess.run([*command, code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    first, later = done.stdout.split()
    return float(first), float(later)


def real() -> None:
    texts = real_questions()
    with tempfile.TemporaryDirectory() as empty:
        cold, warm = _on_one_core(empty)
    started = time.perf_counter()
    wanted = {later for _, later in every_pair(texts)}
    every = time.perf_counter() - started
    same = "the same" if dropped(texts) == wanted else "NOT THE SAME"
    print(f"{len(texts):,} questions, {len(wanted):,} dropped, {same} by both")
    print(f"every pair, one worker {every:.1f} s; ours, one core, warm {warm:.2f} s: {every / warm:.0f} x")
    print(f"ours cold, nothing imported or compiled: {cold:.1f} s: {every / cold:.0f} x")


def a_million(folder: Path) -> None:
    written("dedup.indel", folder, threshold=THRESHOLD)


def million(folder: Path) -> None:
    import polars as pl

    from bench.corpus import write_questions

    write_questions(folder / "questions.parquet", MILLION)
    seconds, peak = measured("dedup", "a_million", folder)
    gone = pl.scan_parquet(folder / "dropped.parquet").select(pl.len()).collect().item()
    print(f"{MILLION:,} questions: {seconds:.0f} s on {len(_CORES)} cores, peak {peak:.1f} GB, {gone:,} dropped")
    _steps(pl.read_parquet(folder / "questions.parquet")["question"].unique(maintain_order=True).to_list())


def _steps(texts: list[str]) -> None:
    """What the join alone does, by one thread and by one a core."""
    from ot_assets.similarity.indel import Work, pairs_within

    taken = []
    for workers in (1, len(_CORES)):
        work = Work()
        started = time.perf_counter()
        for _ in pairs_within(texts, THRESHOLD, workers=workers, work=work):
            pass
        taken.append(time.perf_counter() - started)
        steps = {"preparing": work.preparing, "bounds": work.bounding, "comparing": work.comparing}
        shares = ", ".join(f"{name} {seconds / sum(steps.values()):.0%}" for name, seconds in steps.items())
        print(f"  the join by {workers} threads {taken[-1]:.1f} s: {shares}")
    print(
        f"  {work.pairs:,} pairs of like length -> {work.counted:,} by counts -> {work.compared:,} compared"
        f" -> {work.found:,}; all threads {taken[0] / taken[-1]:.2f} x one"
    )


def published() -> None:
    import polars as pl

    from ot_assets.strategies import apply

    files = [file for file in sorted(SHARED.glob("*.parquet")) if not file.name.startswith("bench_")]
    rows = pl.concat(pl.read_parquet(file, columns=["question"]) for file in files)
    print(f"{len(rows):,} rows of {len(files)} files, {rows['question'].n_unique():,} different questions")
    for threshold in (95.0, 90.0):
        kept = [
            apply("dedup.indel", rows, threshold=threshold, compat=compat).kept.select(pl.len()).collect().item()
            for compat in (None, "five_matches")
        ]
        print(f"{threshold:g}: {kept[0]:,} stay, {kept[1]:,} as published")


def main() -> None:
    halves = sys.argv[1:] or ["real", "million"]
    if "real" in halves:
        real()
    if "published" in halves:
        published()
    if "million" in halves:
        with tempfile.TemporaryDirectory() as folder:
            million(Path(folder))


if __name__ == "__main__":
    main()
