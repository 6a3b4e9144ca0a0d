"""Seconds an asset of a recipe that only passes rows through, beside as many empty assets of plain Dagster.

Wanted: (wall - import) / assets at most 0.15 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_TRACKS = 8
_STAGES = """
    - sources: [{{use: files, path: questions.jsonl, question: question, domain: math, id: s{track},
                 imported: {{answer: answer}}}}]
    - mix: {{use: none}}
    - decontaminate: {{use: none, reason: bench}}
    - filter: {{use: none, reason: bench}}
    - dedup: {{use: none, reason: bench}}
    - sample: {{use: none}}
    - answers: {{use: imported}}
    - verify: {{use: none, reason: bench}}
    - select: {{use: all}}
"""


def recipe(folder: Path) -> Path:
    """A recipe of pass-through choices over one small file."""
    rows = "".join(f'{{"question": "question {i}", "answer": "{i}"}}\n' for i in range(100))
    (folder / "questions.jsonl").write_text(rows)
    tracks = "".join(f"  t{track}:{_STAGES.format(track=track)}" for track in range(_TRACKS))
    file = folder / "bench.yaml"
    file.write_text(f"name: bench\ntracks:\n{tracks}dataset: {{rows: all}}\n")
    return file


def ours(folder: Path) -> tuple[float, int]:
    """(seconds without imports, assets) of one materialisation, Dagster's storage included."""
    from ot_assets.cli.run import run_recipe
    from ot_assets.recipes.loading import load_recipe
    from ot_assets.recipes.plan import plan

    file = recipe(folder)
    assets = len(plan(load_recipe(file)))
    started = time.perf_counter()
    if run_recipe(str(file), None, None, None) != 0:
        sys.exit("bench: the run failed")
    return time.perf_counter() - started, assets


def plain_dagster(assets: int) -> float:
    """Seconds of as many empty assets in a chain, in process, with a new instance on disk."""
    import dagster as dg

    def link(index: int) -> dg.AssetsDefinition:
        deps = [f"a{index - 1}"] if index else []

        @dg.asset(name=f"a{index}", deps=deps)
        def empty() -> None: ...

        return empty

    chain = [link(index) for index in range(assets)]
    with tempfile.TemporaryDirectory() as home:
        os.environ["DAGSTER_HOME"] = home
        started = time.perf_counter()
        with dg.DagsterInstance.get() as instance:
            loggers = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            dg.materialize(chain, instance=instance, run_config=loggers)
        return time.perf_counter() - started


def _in_a_fresh_process(code: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.splitlines()[-1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        code = f"from bench.overhead import *; print(*ours(Path({scratch!r})))"
        seconds, assets = _in_a_fresh_process(code, {"OT_DATA": scratch + "/data"}).split()
    peer = float(_in_a_fresh_process(f"from bench.overhead import *; print(plain_dagster({assets}))", {}))
    each = float(seconds) / int(assets)
    print(
        f"{assets} assets: {float(seconds):.1f} s, {each:.3f} s each; plain Dagster {peer:.1f} s,"
        f" {peer / int(assets):.3f} s each: {float(seconds) / peer:.2f} x"
    )
