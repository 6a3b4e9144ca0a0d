"""The questions that the dedup and decontamination benches run on, as many as are wanted, and a clock for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

SHARED = Path(os.environ.get("OT_SHARED") or Path(__file__).parents[2] / "shared") / "data"
# Evaluation sets beside those named bench_*
EVALUATIONS = (
    "science_mmlu puzzle_bbh science_scibench code_cruxeval math_svamp math_aqua_test math_mawps math_asdiv"
    " math_college_math math_carp_en math_gaokao2023en"
).split()
_NUMBER = re.compile(r"\d+")
_BATCH = 100_000


def real_questions() -> list[str]:
    """The 55,518 different questions of the shared data, file by file."""
    return _unique(sorted(SHARED.glob("*.parquet")))


def evaluation_strings(count: int) -> list[str]:
    """The first of the different questions of evaluation sets."""
    files = [*sorted(SHARED.glob("bench_*.parquet")), *(SHARED / f"{name}.parquet" for name in EVALUATIONS)]
    return _unique(files)[:count]


def _unique(files: list[Path]) -> list[str]:
    import polars as pl

    if not files:
        sys.exit(f"nothing in {SHARED}; set OT_SHARED to the folder of real question files")
    texts = pl.concat(pl.read_parquet(file, columns=["question"]) for file in files)["question"]
    return texts.drop_nulls().unique(maintain_order=True).to_list()


def varied(texts: list[str], seed: int = 0) -> Iterator[str]:
    """The texts, then copies of them without end: 1 in 10 with other numbers, else 2 to 60 % of the words replaced."""
    yield from texts
    rng = Random(seed)
    vocabulary = [word for text in texts[:: max(len(texts) // 2000, 1)] for word in text.split()]
    while True:
        text = texts[int(rng.random() * len(texts))]
        if rng.random() < 0.1:
            yield _NUMBER.sub(lambda found: str(int(rng.random() * 10 ** min(len(found[0]), 9))), text)
            continue
        words = text.split(" ")
        for _ in range(max(1, int(len(words) * (0.02 + 0.58 * rng.random())))):
            words[int(rng.random() * len(words))] = vocabulary[int(rng.random() * len(vocabulary))]
        yield " ".join(words)


def write_questions(path: Path, rows: int, copies: int = 0) -> None:
    """`rows` questions with ids; with `copies`, each row of that number is the text of an earlier one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, fresh, known, number = Random(1), varied(real_questions()), [""], 0
    schema = pa.schema({"question_id": pa.string(), "question": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while number < rows:
            texts: list[str] = []
            for row in range(number, min(number + _BATCH, rows)):
                text = known[int(rng.random() * len(known))] if copies and row % copies == copies - 1 else next(fresh)
                texts.append(text)
            known = [*known[-_BATCH:], *islice(texts, 0, None, 2)]
            ids = [f"q{row}" for row in range(number, number + len(texts))]
            writer.write_table(pa.table([ids, texts], schema=schema))
            number += len(texts)


def written(name: str, folder: Path, **params: Any) -> None:
    """What the strategy keeps and drops of `questions.parquet` in `folder`, with the evidence, as two files there."""
    import polars as pl

    from ot_assets.strategies import apply

    split = apply(name, pl.scan_parquet(folder / "questions.parquet"), **params)
    sinks = [
        split.kept.sink_parquet(folder / "kept.parquet", lazy=True),
        split.dropped.sink_parquet(folder / "dropped.parquet", lazy=True),
    ]
    pl.collect_all(sinks, engine="streaming")


def measured(module: str, function: str, folder: Path) -> tuple[float, float]:
    """(seconds, GB of resident memory at the peak) of `bench.<module>.<function>(folder)` in a process of its own.

    The modules that it imports count, and so does what numba compiles where nothing is compiled yet. What it took of
    the processors is told on the side: on a machine that is busy otherwise it says more than the seconds.
    """
    code = (
        f"import resource, sys, time; from pathlib import Path; from bench import {module};"
        f"t = time.perf_counter(); {module}.{function}(Path(sys.argv[1]));"
        f"print('{function}:', round(time.process_time(), 1), 'seconds of processors', file=sys.stderr);"
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = done.stdout.splitlines()[-1].split()
    return float(seconds), float(peak)
