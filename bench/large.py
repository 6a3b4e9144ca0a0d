"""2.9 million questions through standardise, text rules, top n and exact dedup, beside the same in DuckDB alone.

The rows are those of the math stand-in, written out again and again with other numbers and ids; every third is an exact
copy of the one before. Wanted: at most 180 s and 3 GB. `OT_BENCH_ROWS` sets another size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROWS = int(os.environ.get("OT_BENCH_ROWS", "2900000"))
KEEP = 180_000
_BATCH = 200_000

_RECIPE = """
name: large
format: {use: think, require_reasoning: false}
tracks:
  math:
    - sources: [{use: files, id: large, path: large.parquet, key: id, question: problem, reference: solution}]
    - filter: {use: math_text, as: readable}
    - filter: {use: score, column: extra.score, keep: %d}
    - dedup: {use: exact}
    - answers: {use: imported}
"""


def write_input(folder: Path) -> None:
    """large.parquet: id, problem, solution, score; and the recipe beside it."""
    import re
    from random import Random

    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "large.yaml").write_text(_RECIPE % KEEP)
    turns = pl.read_parquet("data/samples/ai2-adapt-dev__openmath-2-math/train.parquet")["messages"].to_list()
    pairs = [(t[0]["content"], t[1]["content"]) for t in turns if (t[0]["content"] or "").strip()]
    digits, rng, number = re.compile(r"\d+"), Random(0), 0
    writer: pq.ParquetWriter | None = None
    while number < ROWS:
        rows: list[tuple[str, str, str, float]] = []
        for number_ in range(number, min(number + _BATCH, ROWS)):
            if number_ % 3 == 2 and rows:
                _, problem, solution, score = rows[-1]
            else:
                problem, solution = pairs[number_ % len(pairs)]
                problem = digits.sub(lambda match: str(rng.randrange(10 ** len(match[0]))), problem)
                problem, score = f"Problem {number_}. {problem}", rng.random()
            rows.append((f"id-{number_}", problem, solution, score))
        table = pa.table(
            dict(zip(("id", "problem", "solution", "score"), map(list, zip(*rows, strict=True)), strict=True))
        )
        writer = writer or pq.ParquetWriter(folder / "large.parquet", table.schema, compression="zstd")
        writer.write_table(table)
        number += len(rows)
    assert writer is not None
    writer.close()


def through_the_graph(folder: Path) -> None:
    """The recipe's tables up to the deduplicated one, as a run makes them."""
    from ot_assets.graph.execute import execute
    from ot_assets.graph.tools import Tools
    from ot_assets.recipes.loading import load_recipe
    from ot_assets.recipes.plan import plan
    from ot_resources.environments import resources

    os.environ["OT_DATA"] = str(folder / "data")
    found = resources()
    tools = Tools(
        store=found["store"],
        hub=found["hub"],
        models={},
        sandbox=None,
        embedder=None,
        environment="local",
        scale=None,
        run_id="bench",
    )
    for node in plan(load_recipe(folder / "large.yaml")):
        made = execute(node, tools)
        print(f"{node.name}: {made.version.rows:,} rows, {made.seconds:.1f} s", file=sys.stderr, flush=True)
        if node.key[-1] == "deduplicated":
            break


def in_duckdb(folder: Path) -> None:
    """The same rules as one query to Parquet: no ids, no drops, no reasons, no checks, no record."""
    import duckdb

    rules = "lower(problem) not similar to '.*(figure|diagram|jpeg|png|jpg|svg|answer:).*'"
    duckdb.sql(
        f"""copy (
            select any_value(id) as id, problem, any_value(solution) as solution, any_value(score) as score from (
                select * from '{folder}/large.parquet'
                where {rules} and not (lower(problem) like 'a)%%' and problem like '%%b)%%')
                  and trim(solution) <> '' and contains(solution, '\\boxed{{') and not contains(solution, '\\boxed{{}}')
                order by score desc, md5(id) limit {KEEP}
            ) group by problem
        ) to '{folder}/duckdb.parquet'"""
    )


def _measure(name: str, folder: Path) -> tuple[float, float]:
    """(seconds, GB of resident memory at the peak) of a function in a process of its own."""
    code = (
        "import resource, sys, time; from pathlib import Path; from bench import large;"
        f"t = time.perf_counter(); large.{name}(Path(sys.argv[1]));"
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = done.stdout.splitlines()[-1].split()
    return float(seconds), float(peak)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        _measure("write_input", Path(scratch))
        ours, ours_peak = _measure("through_the_graph", Path(scratch))
        peer, peer_peak = _measure("in_duckdb", Path(scratch))
        print(f"{ROWS:,} rows through the graph: {ours:.0f} s, peak {ours_peak:.2f} GB", flush=True)
        print(f"DuckDB alone, kept rows only: {peer:.0f} s, peak {peer_peak:.2f} GB; {ours / peer:.1f} x the time")
