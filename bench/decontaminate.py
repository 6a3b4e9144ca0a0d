"""decontaminate.indel at 75 beside rapidfuzz on every pair of like length, per pair of a question and a benchmark item.

Every pair is asked of a sample of items, on one core. `OT_BENCH_ROWS` sets how many questions there are: 1,200,000 are
the published size.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.corpus import evaluation_strings, measured, write_questions, written

THRESHOLD = 75.0
# rapidfuzz says 0 of some pairs that are right at a cutoff.
_CUTOFF = THRESHOLD - 1e-3
ROWS = int(os.environ.get("OT_BENCH_ROWS", "200000"))
ITEMS = 20_000
SAMPLE = 20
BATCH = 25_000


def write_input(folder: Path) -> None:
    write_questions(folder / "questions.parquet", ROWS)


def decontaminated(folder: Path) -> None:
    """Kept and dropped, with their evidence, as two files."""
    import polars as pl

    items = pl.DataFrame({"question": evaluation_strings(ITEMS)})
    written("decontaminate.indel", folder, against=items, threshold=THRESHOLD)


def every_pair(texts: list[str], items: list[str]) -> set[tuple[int, int]]:
    """The (text, item) that reach the threshold, by `cdist` of one worker in windows of length."""
    import numpy as np
    from rapidfuzz import fuzz, process

    order = np.argsort([len(text) for text in texts], kind="stable")
    ordered = [texts[number] for number in order]
    lengths = np.array([len(text) for text in ordered])
    share, found = THRESHOLD / (200 - THRESHOLD), set()
    for number, item in enumerate(items):
        low = int(np.searchsorted(lengths, len(item) * share - 1e-6))
        high = int(np.searchsorted(lengths, len(item) / share + 1e-6, side="right"))
        scores = process.cdist(
            [item], ordered[low:high], scorer=fuzz.ratio, score_cutoff=_CUTOFF, dtype=np.float64, workers=1
        )
        found |= {(int(order[low + place]), number) for place in np.flatnonzero(scores[0] >= THRESHOLD)}
    return found


def compared(texts: list[str]) -> None:
    """Nanoseconds per pair of both, on the same texts and items, each on one core, and whether they find the same."""
    from ot_assets.similarity.indel import pairs_between

    items = evaluation_strings(ITEMS)[:: ITEMS // SAMPLE][:SAMPLE]
    started = time.perf_counter()
    wanted = every_pair(texts, items)
    every = (time.perf_counter() - started) / (len(texts) * len(items))
    few = {pair for pairs in pairs_between(texts, items, THRESHOLD) for pair in zip(*pairs[:2], strict=True)}
    many = evaluation_strings(ITEMS)[:: ITEMS // 2000]
    started = time.perf_counter()
    for start in range(0, len(texts), BATCH):  # as the strategy does
        for _ in pairs_between(texts[start : start + BATCH], many, THRESHOLD, workers=1):
            pass
    ours = (time.perf_counter() - started) / (len(texts) * len(many))
    same = "the same" if few == wanted else "NOT THE SAME"
    print(f"every pair {1e9 * every:.0f} ns, ours {1e9 * ours:.1f} ns a pair, one core each: {every / ours:.0f} x")
    print(f"{len(wanted):,} pairs of {len(items)} items with {len(texts):,} questions, {same} by both", flush=True)


def main() -> None:
    import polars as pl

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_input(folder)
        questions = pl.read_parquet(folder / "questions.parquet")["question"]
        compared(questions.head(200_000).to_list())
        seconds, peak = measured("decontaminate", "decontaminated", folder)
        gone = pl.scan_parquet(folder / "dropped.parquet").select(pl.len()).collect().item()
        size = f"{ROWS:,} questions x {len(evaluation_strings(ITEMS)):,} items"
        print(f"{size}: {seconds:.0f} s on {len(os.sched_getaffinity(0))} cores, peak {peak:.1f} GB")
        print(f"{gone:,} dropped; 1,200,000 would take {seconds * 1_200_000 / ROWS / 60:.1f} min")


if __name__ == "__main__":
    main()
