"""verify.math: its rate beside bare math-verify, its verdicts on real answers, its agreement with published labels.

    python -m bench.math_verify [--rows 300] [--parts rate tables labels] [--labels 4317]

The rate: the same pairs through `MathPool`, with limits and kills on, and through math-verify's own parse and verify in
as many bare processes as there are cores, in turns. The pairs are answers of the MATH and college_math files that take
algebra, against themselves written otherwise, and against others; those over one second in a bare process are left
out, as are those on which it raises.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl

from ot_assets.strategies import apply
from ot_assets.strategies.verify import exact
from ot_assets.strategies.verify.pool import MathPool
from ot_assets.strategies.verify.verdict import Verdict

DATA = Path(os.environ.get("OT_SHARED", "../shared")) / "data"
BENCHMARKS = ("math500", "minerva_math", "olympiadbench", "matharena_aime25_hmmt", "amc23", "aime24")
ALGEBRA = ("math_hendrycks_train", "math_simplerl_8k", "math_college_math")
LABELLED = "traces_sky_t1_math"
SECONDS = 5
SLOW = 1.0
ROUNDS = 3

_BARE = """
import json, sys, time, logging
logging.disable(logging.CRITICAL)
from math_verify import parse, verify
pairs = json.load(sys.stdin)
verify(parse("$x+1$"), parse("$1+x$"))
print("ready", flush=True)
sys.stdin = open("/dev/null")
times = []
for gold, given in pairs:
    began = time.perf_counter()
    try:
        read = [parse(f"\\\\boxed{{{text}}}", raise_on_error=True) for text in (gold, given)]
        verify(*read, raise_on_error=True)
        times.append(time.perf_counter() - began)
    except BaseException:
        times.append(None)
print(json.dumps(times))
"""


def answers(name: str) -> list[str]:
    found = pl.read_parquet(DATA / f"{name}.parquet", columns=["answer"])["answer"].to_list()
    return [answer.strip() for answer in found if answer and answer.strip()]


def pairs_of_algebra(rows: int, seed: int) -> list[tuple[str, str]]:
    """Pairs that take math-verify: half equal but for the spelling, half of two answers."""
    draw = random.Random(seed)
    known = sorted(
        {answer for name in ALGEBRA for answer in answers(name) if exact.measure(exact.normalised(answer)) is None}
    )
    known = [answer for answer in known if len(answer) < 80 and answer.count("{") == answer.count("}")]
    chosen = draw.sample(known, min(2 * rows, len(known)))
    equal = [
        (answer, f"0+{answer}" if answer[0] not in "-+(\\{[" else f" {answer} + 0") for answer in chosen[: rows // 2]
    ]
    return equal + list(zip(chosen[rows // 2 : rows], chosen[rows:], strict=False))


def bare(pairs: list[tuple[str, str]], processes: int) -> tuple[float, list[float | None]]:
    """Seconds for all pairs, shared by so many processes, from when all are ready; and the seconds of each."""
    shares = [pairs[n::processes] for n in range(processes)]
    command = [sys.executable, "-c", _BARE]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in shares]
    for process, share in zip(running, shares, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps(share))
        process.stdin.close()
    for process in running:
        assert process.stdout
        process.stdout.readline()
    began = time.perf_counter()
    told = [json.loads(process.stdout.read()) for process in running if process.stdout]
    spent = time.perf_counter() - began
    each: list[float | None] = [None] * len(pairs)
    for n, times in enumerate(told):
        each[n::processes] = times
        running[n].wait()
    return spent, each


def pooled(pairs: list[tuple[str, str]], pool: MathPool) -> float:
    began = time.perf_counter()
    list(pool.judge(pairs))
    return time.perf_counter() - began


def rate(rows: int) -> None:
    cores = os.cpu_count() or 1
    pairs = pairs_of_algebra(rows, seed=6)
    _, each = bare(pairs, cores)
    behaved = [pair for pair, spent in zip(pairs, each, strict=True) if spent is not None and spent < SLOW]
    rates: list[tuple[float, float]] = []
    with MathPool(SECONDS) as pool:
        pooled(behaved[: 4 * cores], pool)
        for _ in range(ROUNDS):
            rates.append((len(behaved) / bare(behaved, cores)[0], len(behaved) / pooled(behaved, pool)))
    print(
        f"{len(pairs)} pairs, {len(behaved)} on which bare math-verify behaves; {cores} processes each, rows/s in all\n"
    )
    print("| round | bare math-verify | the pool | ratio |\n|---|---|---|---|")
    for number, (without, with_pool) in enumerate(rates, 1):
        print(f"| {number} | {without:.0f} | {with_pool:.0f} | {with_pool / without:.2f} |", flush=True)


def verdicts(frame: pl.DataFrame, **params: object) -> pl.DataFrame:
    return apply("verify.math", frame, seconds=SECONDS, **params).kept.collect()


def tables(rows: int) -> None:
    """Verdicts a file: answers against themselves, and against the answer of another row."""
    names = sorted(path.stem for path in DATA.glob("math_*.parquet")) + [f"bench_{name}" for name in BENCHMARKS]
    print(
        f"\nAt most {rows} rows a file; the share of `right` is to be 1 against itself, and 0 but for equal answers\n"
    )
    columns = [verdict.value for verdict in Verdict]
    print("| file | against | rows | " + " | ".join(columns) + " |\n|" + "---|" * (3 + len(columns)))
    for name in names:
        own = answers(name)
        own = random.Random(name).sample(own, min(rows, len(own)))
        others = own[1:] + own[:1]
        different = [(a, b) for a, b in zip(own, others, strict=True) if exact.normalised(a) != exact.normalised(b)]
        for against, some in (("itself", list(zip(own, own, strict=True))), ("another", different)):
            boxed = [f"\\boxed{{{given}}}" for _, given in some]
            counts = Counter(
                verdicts(pl.DataFrame({"reference": [gold for gold, _ in some], "answer": boxed}))["verdict"]
            )
            told = " | ".join(str(counts[column]) for column in columns)
            print(f"| {name} | {against} | {len(some)} | {told} |", flush=True)


def labels(rows: int) -> None:
    """Our verdicts beside the labels of Sky-T1's traces, which are of Qwen2.5-Math's evaluation."""
    frame = pl.read_parquet(DATA / f"{LABELLED}.parquet").head(rows)
    frame = frame.select("benchmark", "correct", reference="answer", answer=pl.coalesce("response", "text"))
    columns = [verdict.value for verdict in Verdict]
    for boxed_only in (True, False):
        print(f"\n{frame.height} labelled traces, boxed_only={boxed_only}\n")
        print("| label | " + " | ".join(columns) + " |\n|" + "---|" * (1 + len(columns)))
        out = verdicts(frame, boxed_only=boxed_only)
        counts = Counter(zip(out["correct"], out["verdict"], strict=True))
        for label in (True, False):
            told = " | ".join(str(counts[label, column]) for column in columns)
            print(f"| {'correct' if label else 'incorrect'} | {told} |", flush=True)
        decided = sum(counts[label, verdict] for label in (True, False) for verdict in ("right", "wrong"))
        agreed = counts[True, "right"] + counts[False, "wrong"]
        print(f"\nagreement where we decide: {agreed} of {decided}, {agreed / max(decided, 1):.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=300, help="pairs of the rate, and rows a file of the tables")
    parser.add_argument("--labels", type=int, default=4317, help="labelled traces")
    parser.add_argument("--parts", nargs="+", default=["rate", "tables", "labels"])
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: {DATA} is not there (OT_SHARED names its folder)")
        return
    if "rate" in options.parts:
        rate(options.rows)
    if "tables" in options.parts:
        tables(options.rows)
    if "labels" in options.parts:
        labels(options.labels)


if __name__ == "__main__":
    main()
