"""Solutions that are known to be right, and the same broken by one mutation, through `verify.code` in every sandbox.

    python -m bench.verify_code [--tasks 2090] [--sandboxes docker process]

Wanted, on LeetCode's tasks: 97% of the solutions right, at most 3% of the broken ones, and the same verdicts in both
sandboxes but for `timeout` (0.2%). Reads the shared data (OT_SHARED); without it, it says so.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl

from ot_assets.strategies import apply
from ot_assets.strategies.verify.grading import specimens
from ot_resources.interfaces import BadInput
from ot_resources.sandboxes import open_sandbox

SHARED = Path(os.environ.get("OT_SHARED") or Path(__file__).parents[2] / "shared") / "data"
SECONDS = 10.0
VERDICTS = ("right", "wrong", "unparsed", "timeout", "error", "unavailable")
Cases = pl.DataFrame  # answer, tests


def broken(program: str, entry_point: str) -> str:
    """The program with one mutation: the function that is tested gives what it returns in a list; one that returns
    nothing does nothing."""
    tree = ast.parse(program)
    name = entry_point.rpartition(".")[2]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    if not functions:
        raise ValueError(f"no function {name}")
    function = functions[-1]
    inner = {
        node for part in ast.walk(function) if part is not function and is_function(part) for node in ast.walk(part)
    }
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return) and node not in inner]
    valued = [node for node in returns if node.value is not None]
    for node in valued:
        node.value = ast.List([node.value], ast.Load())
    if not valued:
        function.body.insert(0, ast.Return(None))
    return ast.unparse(ast.fix_missing_locations(tree))


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.Lambda)


def leetcode(most: int) -> dict[str, Cases]:
    rows = pl.read_parquet(SHARED / "code_leetcode.parquet").head(most).rows(named=True)
    tests = [
        json.dumps(
            {"kind": "check", "setup": r["orig_prompt"], "code": r["orig_test"], "entry_point": r["orig_entry_point"]}
        )
        for r in rows
    ]
    mutants = [broken(row["answer"], row["orig_entry_point"]) for row in rows]
    return {
        "LeetCode, solutions": pl.DataFrame({"answer": [r["answer"] for r in rows], "tests": tests}),
        "LeetCode, broken": pl.DataFrame({"answer": mutants, "tests": tests}),
    }


def humaneval(most: int) -> dict[str, Cases]:
    rows = pl.read_parquet(SHARED / "bench_humaneval.parquet").head(most).rows(named=True)
    programs = [row["question"] + row["answer"] for row in rows]
    tests = [
        json.dumps({"kind": "check", "code": row["orig_test"], "entry_point": row["orig_entry_point"]}) for row in rows
    ]
    mutants = [broken(program, row["orig_entry_point"]) for program, row in zip(programs, rows, strict=True)]
    return {
        "HumanEval, solutions": pl.DataFrame({"answer": programs, "tests": tests}),
        "HumanEval, broken": pl.DataFrame({"answer": mutants, "tests": tests}),
    }


def cruxeval(most: int) -> dict[str, Cases]:
    rows = pl.read_parquet(SHARED / "code_cruxeval.parquet").head(most).rows(named=True)
    tests = [
        json.dumps({"kind": "asserts", "asserts": [f"assert f({row['orig_input']}) == {row['answer']}"]})
        for row in rows
    ]
    return {
        "CRUXEval, solutions": pl.DataFrame({"answer": [row["orig_code"] for row in rows], "tests": tests}),
        "CRUXEval, broken": pl.DataFrame({"answer": [broken(row["orig_code"], "f") for row in rows], "tests": tests}),
    }


def code_contests(most: int) -> dict[str, Cases]:
    """It has no solutions: programs that print what is expected, and something else."""
    rows = pl.read_parquet(SHARED / "code_contests_test.parquet").head(most)
    found: dict[bool, list[dict[str, str]]] = {True: [], False: []}
    for name, text in rows.select("row_id", "orig_tests").iter_rows():
        tests = json.dumps({"kind": "stdin"} | json.loads(text))
        for specimen in specimens("verify.code", pl.LazyFrame({"question_id": [name], "tests": [tests]}), {}):
            if "sys.stdin" in specimen.row["answer"]:
                found[specimen.right].append(specimen.row)
    return {
        f"CodeContests, {'prints what is expected' if k else 'prints ?'}": pl.DataFrame(v) for k, v in found.items()
    }


SETS: tuple[Callable[[int], dict[str, Cases]], ...] = (leetcode, humaneval, cruxeval, code_contests)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=1_000_000, help="at most so many of each set")
    parser.add_argument("--sandboxes", nargs="+", default=["docker", "process"], choices=["docker", "process"])
    options = parser.parse_args()
    if not SHARED.is_dir():
        print(f"no shared data at {SHARED}: nothing measured")
        return
    cases = {name: frame for make in SETS for name, frame in make(options.tasks).items()}
    found: dict[str, dict[str, pl.DataFrame]] = {}
    print(f"| answers | sandbox | rows | {' | '.join(VERDICTS)} | answers/s |")
    print(f"|---|---|---|{'---|' * len(VERDICTS)}---|")
    for sandbox_name in options.sandboxes:
        try:
            with open_sandbox(sandbox_name) as sandbox:
                for name, frame in cases.items():
                    started = time.monotonic()
                    judged = apply("verify.code", frame, sandbox=sandbox, seconds=SECONDS).kept.collect()
                    rate = frame.height / (time.monotonic() - started)
                    found.setdefault(name, {})[sandbox_name] = judged
                    counts = Counter(judged["verdict"])
                    told = " | ".join(f"{counts[verdict]:,}" for verdict in VERDICTS)
                    print(f"| {name} | {sandbox_name} | {frame.height:,} | {told} | {rate:.0f} |", flush=True)
        except BadInput as missing:
            print(f"{missing}: not measured")
    for name, by_sandbox in found.items():
        if len(by_sandbox) == 2:
            one, two = (frame["verdict"] for frame in by_sandbox.values())
            timed = (one == "timeout") | (two == "timeout")
            differ = (one != two) & ~timed
            print(
                f"{name}: {differ.sum()} verdicts differ between the sandboxes, {((one != two) & timed).sum()} by time"
            )


if __name__ == "__main__":
    main()
