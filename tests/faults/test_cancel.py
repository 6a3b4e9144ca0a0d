"""A run that is interrupted ends soon and keeps what was answered. In Dagster's UI: tests/e2e/test_ui.py."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import yaml

from tests.cli.running import COMMAND, environment
from tests.conftest import PROJECT
from tests.e2e.server import wait
from tests.faults.samples import stored, write_asking
from tests.faults.trial import start

# Seconds from the interrupt until the run has ended and says so.
STOPS_WITHIN = 10
# And until the process is gone: Python lets go of half a million objects, two seconds on a machine that is not busy.
GONE_WITHIN = 30


def interrupt(
    recipe: Path, surroundings: dict[str, str], log: Path, ready: Callable[[], object], within: float, then: float
) -> None:
    """Start a run of the recipe, interrupt it `then` seconds after it is `ready`, and see it end in time."""
    with log.open("w") as said:
        run = subprocess.Popen(
            [*COMMAND, "materialize", str(recipe)], cwd=PROJECT, env=surroundings, stdout=said, stderr=said
        )
    try:
        wait(ready, within, "the run to be at it", every=0.1)
        time.sleep(then)
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        wait(lambda: "ot: interrupted; run the same command again" in log.read_text(), STOPS_WITHIN, "its end", 0.1)
        assert run.wait(timeout=began + GONE_WITHIN - time.monotonic()) == 130
    finally:
        run.kill()
        run.wait()


def test_an_interrupted_run_ends_within_seconds_and_keeps_what_was_answered(teacher: Path, tmp_path: Path) -> None:
    """A process of its own from the first import to the last thread: what ends late ends it late."""
    recipe, data = write_asking(tmp_path, max_tokens=400, samples=60), tmp_path / "data"
    interrupt(
        recipe,
        environment(data),
        tmp_path / "said",
        ready=lambda: (data / "ledger" / "segments").exists() and stored(data),
        within=240,
        then=0.3,  # into the next batch
    )
    kept = set(stored(data))
    again = start(data, tmp_path / "again", "materialize", str(recipe), "--budget", "tokens=1")
    assert again.end() == 0, again.said
    assert kept and not set(again.asked) & kept
    assert f"{len(kept):,} reused" in again.said


def test_a_run_that_verifies_ends_within_seconds_and_leaves_no_program(tmp_path: Path) -> None:
    """Two hundred programs that each sleep for as long as they may."""
    answers = pl.DataFrame({"question": [f"Question {n}?" for n in range(200)]}).with_columns(
        answer=pl.lit("```python\nimport time\ntime.sleep(60)\n```"),
        tests=pl.lit(json.dumps({"kind": "stdin", "inputs": ["x"], "outputs": ["y"]})),
    )
    answers.write_parquet(tmp_path / "answers.parquet")
    source = {"use": "files", "path": "answers.parquet", "question": "question", "tests": "tests"}
    none = {"use": "none", "reason": "a test"}
    stages = [
        {"sources": [source | {"imported": {"answer": "answer"}}]},
        {"decontaminate": none},
        {"dedup": none},
        {"answers": {"use": "imported"}},
        {"verify": {"use": "code", "seconds": 60}},
    ]
    recipe = {"name": "slow", "format": "think", "tracks": {"code": stages}, "dataset": {"rows": "all"}}
    (tmp_path / "slow.yaml").write_text(yaml.safe_dump(recipe))
    interrupt(
        tmp_path / "slow.yaml",
        environment(tmp_path / "data", OT_SANDBOX="process", TMPDIR=str(tmp_path)),
        tmp_path / "said",
        ready=lambda: any(tmp_path.glob("ot-sandbox-*")),
        within=120,
        then=1.0,
    )
    assert not any(tmp_path.glob("ot-sandbox-*"))
    left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True, text=True, check=False).stdout
    assert left == ""
