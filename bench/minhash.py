"""Near duplicates of 55,518 real questions: dedup.indel at 95 beside datatrove's MinHash, and what each one misses.

MinHash with its own defaults (5-grams of words, 14 buckets of 8 hashes; numbers all the same to it) and one worker a
core, in an environment of its own, made on first use. Wanted: at most a tenth of its time. Seconds are of the work,
without the start of the interpreter; ours count the imports, and what numba compiles where nothing is compiled yet.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.corpus import measured, real_questions
from bench.peers.running import HERE, PROJECT, peer

THRESHOLD = 95.0
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SAMPLE = 100


def write_input(folder: Path) -> None:
    import polars as pl

    texts = real_questions()
    ids = [str(number) for number in range(len(texts))]
    pl.DataFrame({"question_id": ids, "question": texts}).write_parquet(folder / "questions.parquet")
    lines = (json.dumps({"id": key, "text": text}) + "\n" for key, text in zip(ids, texts, strict=True))
    (folder / "questions.jsonl").write_text("".join(lines))


def deduplicated(folder: Path) -> None:
    import polars as pl

    from ot_assets.strategies import apply

    split = apply("dedup.indel", pl.scan_parquet(folder / "questions.parquet"), threshold=THRESHOLD)
    kept = split.kept.sink_parquet(folder / "kept.parquet", lazy=True)
    pl.collect_all([kept, split.dropped.sink_parquet(folder / "dropped.parquet", lazy=True)], engine="streaming")


def by_minhash(folder: Path, python: Path) -> tuple[float, set[int]]:
    """(seconds, numbers of the questions that it removes)."""
    command = [str(python), str(HERE / "minhash.py"), str(folder / "questions.jsonl"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], {int(key) for key in told["removed"]}


def table(texts: list[str], ours: set[int], minhash: set[int]) -> str:
    """What each finds and misses, as Markdown."""
    import numpy as np
    from rapidfuzz import fuzz, process

    from ot_assets.similarity.indel import pairs_within

    near = [
        pair
        for pairs in pairs_within(texts, THRESHOLD)
        for pair in zip(*map(np.ndarray.tolist, pairs[:2]), strict=True)
    ]
    reached = {number for pair in near for number in pair}
    masked = [_NUMBER.sub("0", text) for text in texts]
    alike: dict[str, int] = {}
    for text in masked:
        alike[text] = alike.get(text, 0) + 1

    def number_only(rows: set[int]) -> int:
        return sum(alike[masked[row]] > 1 for row in rows)

    far = sorted(minhash - reached)
    sample = far[:: max(len(far) // _SAMPLE, 1)]
    ratios = process.cdist([texts[row] for row in sample], texts, scorer=fuzz.ratio, dtype=np.float32, workers=-1)
    ratios[np.arange(len(sample)), sample] = 0
    best = np.percentile(ratios.max(axis=1), [10, 50, 90]) if sample else [0, 0, 0]
    rows = {
        f"pairs with a ratio of at least {THRESHOLD:g}": (len(near), len(near)),
        "of them, pairs of which both stay": tuple(
            sum(one not in gone and other not in gone for one, other in near) for gone in (ours, minhash)
        ),
        "questions removed": (len(ours), len(minhash)),
        "of them, removed by the other as well": (len(ours & minhash), len(ours & minhash)),
        f"of them, without a question of ratio {THRESHOLD:g}": (len(ours - reached), len(far)),
        "of these, another one but for numbers": (number_only(ours - reached), number_only(set(far))),
        "removed in all, another one but for numbers": (number_only(ours), number_only(minhash)),
    }
    lines = ["| | dedup.indel | MinHash |", "|---|---|---|"]
    lines += [f"| {name} | {one:,} | {other:,} |" for name, (one, other) in rows.items()]
    said = (
        "best ratio of {:,} of the {:,} that only MinHash takes for twins: {:.0f} (10 %), {:.0f} (half), {:.0f} (90 %)"
    )
    return "\n".join([*lines, "", said.format(len(sample), len(far), *best)])


if __name__ == "__main__":
    import polars as pl

    python, why = peer("datatrove")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_input(folder)
        measured("minhash", "deduplicated", folder)
        seconds, peak = measured("minhash", "deduplicated", folder)
        print(f"dedup.indel {THRESHOLD:g}: {seconds:.1f} s, peak {peak:.2f} GB", flush=True)
        if python is None:
            sys.exit(why)
        theirs, minhash = by_minhash(folder, python)
        print(f"MinHash: {theirs:.1f} s, {theirs / seconds:.1f} x the time\n", flush=True)
        dropped = pl.read_parquet(folder / "dropped.parquet", columns=["question_id"])["question_id"]
        print(table(real_questions(), {int(key) for key in dropped}, minhash))
